"""“Test this pattern”: which questions one test draws of a lesson’s pool, and what its answers say."""
