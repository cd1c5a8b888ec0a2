"""Sources: where data come from, with one object for each of four kinds."""
