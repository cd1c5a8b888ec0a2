"""What the assets call: each stage takes a deployment's settings apart and calls one step with what it needs."""
