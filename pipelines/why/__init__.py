"""The events behind one person's features, or why the person is not in the cohort."""
