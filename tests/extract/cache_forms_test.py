"""SQLite on a disk of the machine; files where others may write, or as before."""

import numpy as np
import pytest

from emojax.extract import cache, cache_forms
from emojax.utils import file_systems


def test_the_form_is_that_of_the_file_system_and_later_that_of_the_folder(
  tmp_path, monkeypatch, capfd
):
  assert cache_forms.chosen(tmp_path) == ("sqlite", "")
  with cache_forms.opened(tmp_path) as store:
    assert store.path.name == "features-1.sqlite"
  assert capfd.readouterr().err == ""
  with monkeypatch.context() as patch:
    patch.setattr(file_systems, "kind", lambda folder: "nfs4")
    with cache_forms.opened(tmp_path) as store:
      key = cache.FeatureKey("lbp", 1, 1, 1, "")
      store.put_many([("p", {key: np.zeros(1, np.float32)})])
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "may write on its file system (nfs4)" in said
    cache_forms.opened(tmp_path).close()
    assert cache_forms.chosen(tmp_path) == ("files", "it was begun so")
    with cache_forms.opened(tmp_path, "sqlite") as store:
      assert store.path.name == "features-1.sqlite"
  with cache_forms.opened(tmp_path) as store:  # on a local disk again, as copied
    assert store.get_many(["p"], [key])["p"]
    with pytest.raises(ValueError, match="lbp has 1 numbers"):
      store.put_many([("q", {key: np.zeros(2, np.float32)})])
