"""Conform: validated rows of any feeds become the core tables, by rules that stand in the settings."""
