"""Conform: build the core tables from the validated rows of all feeds."""
