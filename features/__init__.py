"""Features: one row per person and index date, computed from the core tables without reading or writing files."""
