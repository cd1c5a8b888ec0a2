"""Measure what the stages cost: each runs in a separate process and prints one JSON line."""
