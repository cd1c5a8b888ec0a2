"""The steps from files to published scores, with their sources, storage, tracking, settings and pages. A run calls them in `stages/`."""
