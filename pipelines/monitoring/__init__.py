"""What is watched once scores are published: features, lists and what came of past scores."""
