"""Public reference files as frames: deprivation, areas, organisations."""
