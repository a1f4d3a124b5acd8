"""Which form of the feature cache is used where, and opening it.

In: a folder, and a form or "auto". Out: the cache, and a line where it is not SQLite.
"""

import functools
import pathlib

from emojax.extract import files_cache
from emojax.extract.cache import FeatureCache
from emojax.extract.files_cache import FilesCache
from emojax.extract.sqlite_cache import SqliteCache
from emojax.utils import file_systems, terminal

_FORMS: dict[str, type[SqliteCache] | type[FilesCache]] = {
  "sqlite": SqliteCache,
  "files": FilesCache,
}


def opened(folder: pathlib.Path, form: str = "auto") -> FeatureCache:
  """The cache in a folder, made where there is none.

  Args:
    folder: where.
    form: see `config.ExtractConfig.cache_form`.
  Raises:
    CacheError: see `cache.FeatureCache`.
  """
  reason = ""
  if form == "auto":
    form, reason = chosen(folder)
  if reason:
    _tell_once(
      f"the feature cache in {folder} is a folder of files and not SQLite, because "
      f"{reason} (see --cache_form)"
    )
  return _FORMS[form](folder)


def chosen(folder: pathlib.Path) -> tuple[str, str]:
  """The form that "auto" stands for in a folder, and why where it is not SQLite."""
  folder = folder.expanduser()
  if files_cache.is_there(folder):
    return "files", "it was begun so"
  kind = file_systems.kind(folder)
  if file_systems.is_shared(kind):
    return "files", f"other machines may write on its file system ({kind})"
  return "sqlite", ""


@functools.cache
def _tell_once(line: str) -> None:
  """Says a line, and does not repeat it when the same cache is opened again."""
  terminal.tell(line)
