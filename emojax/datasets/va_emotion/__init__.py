"""The dataset `va_emotion`: rated pictures and their features, as a TFDS builder."""

from emojax.datasets.va_emotion.va_emotion_dataset_builder import Builder

__all__ = ["Builder"]
