"""An OMOP CDM folder as a source: its settings and its files; its rows become core tables in `conform/omop/`."""
