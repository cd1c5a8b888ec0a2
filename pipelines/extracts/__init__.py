"""From files to raw tables: each extract as it came, identifiers apart."""
