"""Learns the attributes that the feature `attributes` reads.

May import: extract, features, backbones, images, utils.
"""
