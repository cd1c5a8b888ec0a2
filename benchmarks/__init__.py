"""What the stages cost: each in a process of its own, one JSON line a stage."""
