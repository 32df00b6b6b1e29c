"""Misconceptions as things of their own: a page each, the mistake that can be run, and what practises against them."""
