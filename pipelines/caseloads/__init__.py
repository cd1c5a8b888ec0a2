"""The way to a practice: who is listed, who is not and why, and whose risk rises."""
