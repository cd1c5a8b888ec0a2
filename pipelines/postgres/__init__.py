"""The PostgreSQL target: what is published in the lake, followed into a database."""
