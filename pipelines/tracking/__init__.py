"""The only package that uses MLflow: runs, registered models, and the model that MLflow loads."""
