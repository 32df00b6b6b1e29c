"""Spaced repetition: what was missed and what is worth keeping comes back when it is about to be forgotten."""
