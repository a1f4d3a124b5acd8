"""Pictures to feature values, on threads and on every local device.

May import: features, backbones, images, utils, config.
"""
