"""Public reference files as data frames: deprivation, areas and organisations."""
