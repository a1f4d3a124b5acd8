"""From single people's answers to rated pictures, and the page they answer on.

May import: datasets (ratings and their scales only), images, evaluation, pages, utils.
"""
