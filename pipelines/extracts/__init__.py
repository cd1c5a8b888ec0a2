"""Extracts: from files to raw tables, with values as delivered and identifiers pseudonymised."""
