"""A place's caseload as a page to print and as a CSV."""
