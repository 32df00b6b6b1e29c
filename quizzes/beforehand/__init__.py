"""What is asked before anybody could know: two questions before a lesson, and one before each run. Guessing helps learning."""
