"""The settings of a deployment, the deployment itself, and the format of its home."""
