"""Networks as people look at them: a list, a card for each, several side by side, their time, whose weights are here."""
