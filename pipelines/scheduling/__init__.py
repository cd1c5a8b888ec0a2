"""When a deployment runs by itself, and what a feed that is late leads to."""
