"""What a run, an experiment or a rated set says, as one page.

May import: datasets, images, evaluation, pages, utils.
"""
