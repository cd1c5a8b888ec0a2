"""Train, evaluate, gate and record candidates."""
