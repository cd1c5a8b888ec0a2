"""Retention, erasure, new pseudonyms, re-identification, disk space, and past runs scored again."""
