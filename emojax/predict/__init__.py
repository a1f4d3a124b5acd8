"""Pictures and a run to ratings.

May import: train, extract, features, backbones, images, evaluation, pages, utils.
"""
