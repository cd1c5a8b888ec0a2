"""From core tables to one row per person and index date; pure."""
