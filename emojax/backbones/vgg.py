"""VGG16 and VGG19: 1000 ImageNet classes from plain stacks of 3x3 convolutions.

In: (B, 224, 224, 3) uint8 RGB, the centre of a picture whose short side is 256 pixels.
Out: class probabilities, logits, and the second fully connected layer behind its ReLU.

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015, configurations D and E as torchvision 0.28 defines them,
without batch norm. Dropout does nothing outside training.
"""

import flax.linen as nn
import jax

from emojax.backbones import imagenet
from emojax.backbones.layers import Conv, max_pool

FC7_SIZE = 4096
_CHANNELS = (64, 128, 256, 512, 512)  # of the five levels; each ends in a 2x2 max pool
CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # depth -> per level


class VGG(nn.Module):
  """VGG of `depth` 16 or 19 from uint8 RGB pictures to its outputs, see `__call__`."""

  depth: int

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What the network says about each picture.

    Args:
      images: (B, 224, 224, 3) uint8 RGB.
    Returns:
      float32 arrays: "probabilities" (B, 1000), rows summing to 1; "logits" (B, 1000);
      "fc7" (B, 4096), not negative; "conv" (B, 25088), what the convolutions give.
    """
    x = imagenet.scaled(images)
    for level, count in enumerate(CONVOLUTIONS[self.depth]):
      for number in range(count):
        name = f"conv{level + 1}_{number + 1}"
        x = nn.relu(Conv(_CHANNELS[level], size=3, name=name)(x))
      x = max_pool(x, size=2)
    x = x.reshape(x.shape[0], -1)  # 7 x 7 x 512, row by row, channels last
    conv = x
    x = nn.relu(imagenet.dense(x, FC7_SIZE, "fc6"))
    fc7 = nn.relu(imagenet.dense(x, FC7_SIZE, "fc7"))
    logits = imagenet.dense(fc7, imagenet.CLASSES, "fc8")
    return imagenet.outputs(logits, fc7=fc7, conv=conv)
