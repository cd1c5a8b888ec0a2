"""The way to a practice: who is listed, who is not and why, whose risk rises, and the pages that a team prints."""
