"""Lists for practices and neighbourhoods: who is listed, who is not and why, and whose risk has risen."""
