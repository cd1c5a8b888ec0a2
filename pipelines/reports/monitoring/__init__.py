"""The monitoring page: alerts, volumes, code lists, drift, scores and lists, results of past scores, and what runs cost."""
