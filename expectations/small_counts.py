"""The counts that disclosure control hides (`models/disclosure_control.py`), for descriptions of tables and pages."""

SMALLEST_SHOWN = 8
SMALL_COUNTS = f"1 to {SMALLEST_SHOWN - 1}"
