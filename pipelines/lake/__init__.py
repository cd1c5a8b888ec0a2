"""The lake and what every step needs of it: tables, files, the ledger of runs, file modes, SQL values, the code's version."""
