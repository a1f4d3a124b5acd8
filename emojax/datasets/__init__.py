"""Rated pictures and their features as the TFDS dataset `va_emotion`.

May import: extract, features, images, evaluation.folds, utils, config.
"""
