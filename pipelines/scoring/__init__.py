"""A champion scores an index date; what is published and what readers see."""
