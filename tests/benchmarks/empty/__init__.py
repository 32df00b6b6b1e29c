"""An app with a task that does nothing, to hold the real task's way through the queue against."""
