"""What was dropped on the page: files under the names that they had, and how many.

In: Gradio's copies of files. Out: pictures for `predict`, or a sentence that says why
not. Nothing is read here.
"""

import dataclasses
import pathlib
import posixpath
from collections.abc import Sequence

from emojax.app.config import AppConfig
from emojax.utils import errors


@dataclasses.dataclass(frozen=True)
class Upload:
  """A file that was dropped.

  Attributes:
    path: of its copy, which may have another name.
    name: its own, behind those of its folders, as the browser has it.
  """

  path: pathlib.Path
  name: str

  @property
  def shown(self) -> str:
    """The name as tables have it: below what was dropped, with no way out."""
    return posixpath.normpath("/" + self.name).lstrip("/") or "unnamed"


def check(uploads: Sequence[Upload], config: AppConfig) -> None:
  """Refuses more pictures than the app takes; UserError says what to do."""
  if len(uploads) > config.max_images:
    raise errors.UserError(
      f"{len(uploads):,} pictures are more than the {config.max_images:,} that this "
      "page takes at once: drop fewer, start it with a larger --max_images, or use "
      "python -m emojax.predict, which has no limit"
    )


def limits(config: AppConfig) -> str:
  """What may be dropped, in a few words."""
  return f"at most {config.max_images:,}, of {config.max_file_mb:,} MB each"
