"""All networks as a table: where the weights of each are, or how to get them."""

from emojax.backbones import BACKBONES, trained, weights


def text(weights_dir: str = "") -> str:
  """The order in which weights are looked for, and a line per network.

  Args:
    weights_dir: a folder of weights files to look in first; empty: none.
  """
  named = weights_dir or "none named"
  lines = [
    f"Looked for in: 1. --weights_dir ({named}); 2. installed packages; 3. your own "
    f"folder ({trained.own_folder()}).",
    "",
  ]
  width = max(map(len, BACKBONES))
  for network in BACKBONES:
    place = trained.locate(network, weights_dir)
    where = f"{place.kind}: {place.path}" if place else weights.how_to_get(network)
    mark = "+" if place else "-"
    lines.append(f"{mark} {network:<{width}}  {where}")
  return "\n".join(lines)
