"""The page on which people rate pictures: one HTML file and what goes into it."""
