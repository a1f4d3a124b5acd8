"""A finished run as one file to take elsewhere.

In: a run folder. Out: a ZIP archive with the networks, the settings and a model card.

May import: predict, utils.
"""
