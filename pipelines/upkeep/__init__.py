"""What keeps a deployment small, lawful and checkable: retention, erasure, room on disk, and past runs scored again."""
