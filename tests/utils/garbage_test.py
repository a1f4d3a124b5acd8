"""When Python looks for garbage."""

import gc

import pytest

from emojax.utils import garbage


@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_pause_ends_as_it_began(is_enabled):
  was_enabled = gc.isenabled()
  (gc.enable if is_enabled else gc.disable)()
  try:
    with pytest.raises(KeyError), garbage.paused():
      assert not gc.isenabled()
      raise KeyError
    assert gc.isenabled() == is_enabled
  finally:
    (gc.enable if was_enabled else gc.disable)()
