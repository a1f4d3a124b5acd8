"""Values that came from JSON, checked against what they should be.

In: any value, and a description of what is expected. Out: nothing, or an error that
says which part is wrong.

A description is a type (`float` takes whole numbers too, `int` no truth values), a
tuple of descriptions of which one fits, `None`, `[description]` for a list, `{str:
description}` for an object with any names, or `{"name": description}` for one that has
these names and perhaps others; a name that ends in "?" may be absent.
"""

from typing import Any

_WORDS = {
  str: "text",
  int: "a whole number",
  float: "a number",
  bool: "true or false",
  list: "a list",
  dict: "an object",
  None: "null",
}


def check(value: Any, expected: Any, name: str = "") -> None:
  """Refuses a value of another form.

  Args:
    value: as JSON gives it.
    expected: see the module.
    name: of the value, for the message.
  Raises:
    ValueError: names the first part that is wrong.
  """
  if isinstance(expected, tuple):
    kinds = [_kind(option) for option in expected]
    fitting = [o for o, kind in zip(expected, kinds, strict=True) if _is(value, kind)]
    if not fitting:
      words = " or ".join(_WORDS[kind] for kind in kinds)
      raise ValueError(f"{name or 'it'} should be {words}, not {_shown(value)}")
    expected = fitting[0]
  kind = _kind(expected)
  if not _is(value, kind):
    raise ValueError(f"{name or 'it'} should be {_WORDS[kind]}, not {_shown(value)}")
  if isinstance(expected, list):
    for i, item in enumerate(value):
      check(item, expected[0], f"{name}[{i}]")
  elif isinstance(expected, dict) and str in expected:
    for key, item in value.items():
      check(item, expected[str], f"{name}.{_shown(key)}")
  elif isinstance(expected, dict):
    for key, part in expected.items():
      key, is_optional = key.removesuffix("?"), key.endswith("?")
      inner = f"{name}.{key}" if name else key
      if key in value:
        check(value[key], part, inner)
      elif not is_optional:
        raise ValueError(f"{inner} is missing")


def _kind(expected: Any) -> Any:
  """The key of `_WORDS` that a description stands for."""
  if isinstance(expected, (list, dict)):
    return type(expected)
  return expected


def _is(value: Any, kind: Any) -> bool:
  if kind is None:
    return value is None
  if kind is float:
    kind = (int, float)
  return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _shown(value: Any) -> str:
  text = " ".join(repr(value)[:200].split())
  return text if len(text) <= 40 else f"{text[:37]}..."
