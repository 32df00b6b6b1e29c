"""Break: mistakes made on purpose, asked for, read and shown. The engine makes them; here they become words and pages."""
