"""Conform steps of an OMOP source: its rows in the form that the other conform steps read."""
