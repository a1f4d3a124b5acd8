"""The version of emojax, alone in its file so that it can be read without JAX."""

__version__ = "0.2.0"
