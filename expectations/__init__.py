"""Declarations of all stored tables, and the validation derived from them."""
