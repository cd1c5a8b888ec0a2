"""Features and labels: from core tables to one row per person and index date."""
