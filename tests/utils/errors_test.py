"""Mistakes that are told together."""

import pytest

from emojax.utils import errors


def _fails(error: Exception):
  def check() -> None:
    raise error

  return check


def test_all_checks_are_made_and_all_mistakes_told():
  assert errors.all_of(lambda: 1, lambda: "a") == [1, "a"]
  alone = OSError("a full disk")
  with pytest.raises(OSError, match="a full disk") as caught:
    errors.all_of(lambda: 1, _fails(alone), lambda: 2)
  assert caught.value is alone
  with pytest.raises(errors.UserError) as several:
    errors.all_of(*map(_fails, (ValueError("a."), OSError("b"), ValueError("a."))))
  assert str(several.value) == "a; and b"
  with pytest.raises(TypeError):  # a bug is no mistake of the user
    errors.all_of(_fails(ValueError("a")), _fails(TypeError("b")))
