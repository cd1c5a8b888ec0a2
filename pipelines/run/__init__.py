"""A deployment: its settings, its home and the format of that home, and when it runs."""
