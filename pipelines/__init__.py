"""One stage per file; the edges where Strata meets files, storage and tracking."""
