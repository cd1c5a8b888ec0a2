"""Validation: which rows and deliveries may be used, by row rules and table rules."""
