"""Where data come from: four kinds of source behind one interface."""
