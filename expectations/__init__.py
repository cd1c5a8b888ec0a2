"""What each stored table must be: declarations, and the validation derived from them."""
