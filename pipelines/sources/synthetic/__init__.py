"""A whole synthetic board, written as NHS extracts: people, places, illness, activity, and the defects real extracts have."""
