"""Do pictures feel like the words for them?

May import: datasets, features, evaluation, pages, utils.
"""
