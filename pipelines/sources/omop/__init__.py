"""An OMOP CDM folder as a source. `conform/omop/` makes core tables of its rows."""
