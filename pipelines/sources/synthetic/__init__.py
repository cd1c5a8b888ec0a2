"""Write a synthetic board as NHS extracts: people, places, illness, activity and the defects of real extracts."""
