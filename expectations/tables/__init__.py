"""The declarations of the tables, one module for each layer or kind of feed."""
