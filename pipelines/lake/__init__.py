"""The lake and what every stage uses of it: tables, files, the record of runs, file modes and the version of the code."""
