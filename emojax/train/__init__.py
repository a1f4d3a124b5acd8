"""One run, from a prepared dataset to a run folder.

May import: datasets, evaluation, utils, config.
"""
