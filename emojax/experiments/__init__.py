"""The paper's tables: many runs as one program, beside baselines.

May import: train, datasets, backbones, images, evaluation, utils.
"""
