"""The core tables of an OMOP source: its rows in the shapes that the other conform steps know."""
