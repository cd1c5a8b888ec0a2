"""The one place that knows MLflow: runs, registered models, and the model as MLflow loads it."""
