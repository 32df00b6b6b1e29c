"""What every question that is drawn and not written has in common: phrases, beliefs, options. No Django, but for `words`."""
