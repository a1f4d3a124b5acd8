"""Published files of the Hugging Face hub, fetched by the package huggingface_hub.

In: which file of which model, and a folder. Out: the file in a folder of the model's
name in there, whole and the right one. A file that was put there by hand needs neither
the package nor a network.
"""

import dataclasses
import importlib.util
import pathlib

from emojax.utils import downloads


@dataclasses.dataclass(frozen=True)
class HubFile(downloads.Published):
  """A file of a model on the hub.

  Attributes:
    model: its owner and name.
    revision: the commit that the file is taken from, or its first digits.
    megabytes: about its size, as its page says.
  """

  model: str = ""
  revision: str = ""
  megabytes: int = 0


def fetch(file: HubFile, folder: pathlib.Path, mirror: str = "") -> pathlib.Path:
  """Makes sure that a model's file is in a folder, whole and the right one.

  Args:
    file: which.
    folder: the file lies, or is to lie, in a folder of the model's name in here.
    mirror: address of a folder, with one of the model's name in it, to use in place of
      the hub; without huggingface_hub.
  Returns:
    The file's path.
  Raises:
    DownloadError: it cannot be had, or is not the published one.
    OSError: it cannot be written.
  """
  name = file.model.rpartition("/")[2]
  folder = folder / name
  path = folder / file.name
  if not mirror and not path.is_file():
    by_hand = f"put {file.name} of {file.address} into {folder} and run this again"
    if importlib.util.find_spec("huggingface_hub") is None:
      raise downloads.DownloadError(
        "fetching it needs the package huggingface_hub: install it with `pip install "
        f"huggingface_hub`, or {by_hand}"
      )
    _download(file, folder, by_hand)
  folder.mkdir(parents=True, exist_ok=True)
  return downloads.fetch(file, folder, mirror and f"{mirror.rstrip('/')}/{name}")


def _download(file: HubFile, folder: pathlib.Path, by_hand: str) -> None:
  import huggingface_hub
  from huggingface_hub.utils import logging

  logging.set_verbosity_error()
  try:
    huggingface_hub.hf_hub_download(
      file.model, file.name, revision=file.revision, local_dir=folder
    )
  except Exception as error:  # what its HTTP library raises depends on its version
    cause = error.__cause__ or error  # a long text on caches hides a refused connection
    reason = " ".join(str(cause).split())[:200] or type(cause).__name__
    raise downloads.DownloadError(
      f"{file.name} of {file.model} cannot be fetched from the hub ({reason}); run "
      f"this again to go on, or {by_hand}"
    ) from error
