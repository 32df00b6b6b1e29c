"""An app with tasks without lines, rows and events, to hold the real way through the queue against."""
