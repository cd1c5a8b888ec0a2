"""Which rows and deliveries may be used: row rules, table rules, and the rows that are left."""
