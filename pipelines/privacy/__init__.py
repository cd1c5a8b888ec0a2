"""What touches who people are: re-identification for a practice, new pseudonyms for everyone, and who may read what is written."""
