"""The stages of a run, each declared once: what it writes, what it reads, the settings it receives, and the function that does its work."""
