"""The monitoring page: alerts, volumes, drift, scores and lists, results of past scores, and what runs cost."""
