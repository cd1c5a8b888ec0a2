"""A deployment: its settings, its home and the format of that home, when it runs, its data cut and its late feeds."""
