"""Which trained weights there are, where they lie, how they are fetched and converted.

In: names of networks, published files. Out: weights files in a folder, and a table of
all networks.

May import: backbones, utils.
"""
