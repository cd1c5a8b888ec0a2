"""One file per version. What a released version does to a database never changes."""
