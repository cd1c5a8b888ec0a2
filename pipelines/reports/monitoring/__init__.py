"""The monitoring page: alerts, volumes, drift, scores and lists, what came of past scores, and what runs cost."""
