"""Inequality in the outcomes themselves."""
