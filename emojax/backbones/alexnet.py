"""AlexNet in its one-tower form: 1000 ImageNet classes from five convolutions.

In: (B, 224, 224, 3) uint8 RGB, the centre of a picture whose short side is 256 pixels.
Out: class probabilities, logits, and the second fully connected layer behind its ReLU.

Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
arXiv 1404.5997, as torchvision 0.28 defines it: no local response normalisation, 64 to
256 channels, which is also the form whose trained weights can be had.
"""

import flax.linen as nn
import jax

from emojax.backbones import imagenet
from emojax.backbones.layers import Conv, max_pool

FC7_SIZE = 4096


class AlexNet(nn.Module):
  """AlexNet from uint8 RGB pictures to its outputs, see `__call__`."""

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What the network says about each picture.

    Args:
      images: (B, 224, 224, 3) uint8 RGB.
    Returns:
      float32 arrays: "probabilities" (B, 1000), rows summing to 1; "logits" (B, 1000);
      "fc7" (B, 4096), not negative; "conv" (B, 9216), what the convolutions give.
    """
    x = imagenet.scaled(images)
    around = ((2, 2), (2, 2))
    x = nn.relu(Conv(64, size=11, stride=4, padding=around, name="conv1")(x))
    x = max_pool(x)
    x = nn.relu(Conv(192, size=5, name="conv2")(x))
    x = max_pool(x)
    x = nn.relu(Conv(384, size=3, name="conv3")(x))
    x = nn.relu(Conv(256, size=3, name="conv4")(x))
    x = nn.relu(Conv(256, size=3, name="conv5")(x))
    x = max_pool(x)
    x = x.reshape(x.shape[0], -1)  # 6 x 6 x 256, row by row, channels last
    conv = x
    x = nn.relu(imagenet.dense(x, FC7_SIZE, "fc6"))
    fc7 = nn.relu(imagenet.dense(x, FC7_SIZE, "fc7"))
    logits = imagenet.dense(fc7, imagenet.CLASSES, "fc8")
    return imagenet.outputs(logits, fc7=fc7, conv=conv)
