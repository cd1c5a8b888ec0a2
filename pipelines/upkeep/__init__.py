"""What keeps a deployment small, lawful and checkable: retention, erasure, new pseudonyms, re-identification, disk, past runs scored again."""
