"""An OMOP CDM folder as a source: its files, and its rows in the shapes that conform knows."""
