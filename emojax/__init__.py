"""emojax: how pleasant (valence) and how exciting (arousal) people find a picture.

Importing it makes TFDS know the dataset: `tfds.load("va_emotion")`.
"""

from emojax.datasets import va_emotion as va_emotion  # registers the builder
from emojax.version import __version__

__all__ = ["__version__"]
