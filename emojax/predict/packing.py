"""A finished run as one file that travels, with the weights that it needs.

In: a `TrainedRun`. Out: an archive, as `trained_run` reads it. It holds no pictures, no
ratings and no paths of the machine that made it.
"""

import pathlib
from collections.abc import Mapping

import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict

from emojax.backbones import trained, weights
from emojax.features import attributes, descriptions
from emojax.features import params as sources
from emojax.predict import archives, model_card, trained_run
from emojax.train import checkpoint
from emojax.utils import arrays, files

# Of a run's results what says where the pictures were or names some, and how long this
# machine took: the same run again gives the same bytes.
_LEFT_OUT = ("pictures", "skipped_pictures", "seconds")


def write_archive(
  run: trained_run.TrainedRun,
  output: pathlib.Path,
  networks: Mapping[str, bytes],
  dtype: type = np.float32,
  license: str = model_card.UNKNOWN_LICENSE,
) -> None:
  """Writes a run as one file.

  Args:
    run: what to write.
    output: the archive; an old one is replaced.
    networks: weights files that travel with it, network -> bytes.
    dtype: of its numbers in the file: np.float32, or np.float16 for half the size.
    license: under which the run is given away, see `model_card.markdown`.
  Raises:
    OSError: it cannot be written.
  """
  results = {key: run.results[key] for key in run.results if key not in _LEFT_OUT}
  tree = {"params": run.params, "scaling": run.scaling._asdict()}
  tensors: dict[str, np.ndarray] = {
    key: np.ascontiguousarray(value, dtype)
    for key, value in flatten_dict(tree, sep="/").items()
  }
  manifest = {
    "format": trained_run.FORMAT,
    "identity": run.identity,
    "results": results,
  }
  members = {
    trained_run.CARD: model_card.markdown(
      run.identity, results, sorted(networks), license
    ).encode(),
    trained_run.MANIFEST: files.json_text(manifest).encode(),
    trained_run.NETWORKS: safetensors.numpy.save(tensors),
    trained_run.REFERENCE: arrays.encode(run.reference, dtype),
    **(
      {trained_run.CALIBRATION: arrays.encode(run.calibration, dtype)}
      if run.calibration is not None
      else {}
    ),
    **{
      f"{trained_run.WEIGHTS}{name}.safetensors": networks[name]
      for name in sorted(networks)
    },
  }
  archives.write(output, members)


def weights_used(
  run: trained_run.TrainedRun, weights_dir: pathlib.Path
) -> dict[str, bytes]:
  """The weights files that a run's features need, to travel with it.

  Weights that an installable package carries do not: it brings them where the run is
  used.

  Args:
    run: the run.
    weights_dir: where weights are looked for first.
  Raises:
    WeightsError: one is missing or damaged.
    RunError: one is of another digest than the run's.
  """
  contents = {}
  features = run.identity["features"]
  if any(feature["needs"] == sources.ATTRIBUTES for feature in features):
    attributes.read(weights_dir)  # checked against its network when it is opened
    contents[sources.ATTRIBUTES] = (weights_dir / attributes.FILE_NAME).read_bytes()
  for used in descriptions.weights_of(features):
    network, digest = used["network"], used["digest"]
    if used["source"] != "random":
      place = trained.locate(network, weights_dir)
      if place is not None and place.kind == "package":
        continue
      folder = place.path.parent if place is not None else weights_dir
      here = weights.load(network, folder).digest
      if here != digest:
        raise checkpoint.RunError(
          f"{network}: the run was made with weights {digest[:16]}, {folder} "
          f"holds {here[:16]}"
        )
      contents[network] = weights.path_of(network, folder).read_bytes()
  return contents
