"""A deployment: its settings, where it keeps things, and when it runs."""
