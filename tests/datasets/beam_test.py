"""Features by a Beam pipeline: the same as from one process; and what is told."""

import importlib.util
import pathlib

import helpers
import pytest
import tensorflow_datasets as tfds

from emojax import config
from emojax.datasets.va_emotion import dataset as dataset_lib
from emojax.datasets.va_emotion import va_emotion_dataset_builder as builder_lib
from emojax.extract import beam, extractor, feature_table, inputs, stream, worker
from emojax.utils import errors

SETTINGS = config.ExtractConfig(("color",), cache_dir="", extract_batch=2)
PICTURES, PART = 9, 2
# Workers are forked and become another program at once; JAX warns of every fork.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")


@pytest.fixture(autouse=True)
def short_parts(monkeypatch) -> None:
  monkeypatch.setattr(
    extractor, "ranges", lambda rows, _=0: [rows[i : i + PART] for i in rows[::PART]]
  )


@pytest.fixture(scope="module")
def rated(tmp_path_factory) -> pathlib.Path:
  """`pictures`, one of them broken, and `ratings.csv`."""
  root = tmp_path_factory.mktemp("rated")
  (root / "pictures").mkdir()
  helpers.draw_noise(root / "pictures", PICTURES)
  (root / "pictures" / "5.png").write_bytes(b"no picture")
  rows = [f"{number}.png,{1 + number % 8},5" for number in range(PICTURES)]
  (root / "ratings.csv").write_text("\n".join(["image,valence,arousal", *rows]))
  return root


def _options(mode: str):
  """Beam's options for two workers on this machine."""
  if importlib.util.find_spec("apache_beam") is None:
    helpers.lacking('Beam is an extra: pip install "emojax[beam]"')
  from apache_beam.options.pipeline_options import PipelineOptions

  flags = f"--runner=DirectRunner --direct_num_workers=2 --direct_running_mode={mode}"
  return PipelineOptions(flags.split())


def _build(rated: pathlib.Path, place: pathlib.Path, options=None, **settings):
  named = {
    "images_dir": str(rated / "pictures"),
    "ratings_csv": str(rated / "ratings.csv"),
    "rating_scale": (1, 9),
    "skip_bad_pictures": True,
    "extract_batch": 2,
    "cache_dir": "",
    "features": ("color",),
    "config": "folder",
    **settings,
  }
  builder = builder_lib.Builder(data_dir=place, **named)
  download = tfds.download.DownloadConfig(beam_options=options)
  builder.download_and_prepare(download_config=download)
  return builder.data_path


@pytest.mark.slow
def test_two_processes_of_a_runner_build_the_same_dataset(rated, tmp_path, monkeypatch):
  with monkeypatch.context() as patch:
    patch.setattr(worker.Worker, "compute", None)  # not in this process
    built = _build(rated, tmp_path / "beam", _options("multi_processing"))
  alone = _build(rated, tmp_path / "alone")
  names = [sorted(path.name for path in folder.iterdir()) for folder in (built, alone)]
  assert names[0] == names[1] and len(names[0]) == 4
  # The order in which protocol buffers have their fields is each process's own.
  for name in names[0]:
    if "array_record" not in name:
      assert (built / name).read_bytes() == (alone / name).read_bytes(), name
  datasets = [dataset_lib.read(folder) for folder in (built, alone)]
  assert dataset_lib.digest(datasets[0]) == dataset_lib.digest(datasets[1])
  assert list(datasets[0].metadata["broken"]) == ["5.png"]


def _extract(rated: pathlib.Path, output: pathlib.Path, engine=None) -> stream.Summary:
  find = lambda: inputs.of_folder(rated / "pictures")  # noqa: E731
  return stream.extract(find, SETTINGS, output, engine=engine)


def test_a_pipeline_gives_the_same_table_and_goes_on(rated, tmp_path, monkeypatch):
  engine = beam.Pipeline(None, _options("in_memory"))
  made = []
  compute = worker.Worker.compute

  def until_third(self, part, inputs):
    made.append(part)
    if len(made) == 3:
      raise errors.UserError("stopped")
    return compute(self, part, inputs)

  with monkeypatch.context() as patch:
    patch.setattr(worker.Worker, "compute", until_third)
    with pytest.raises(errors.UserError, match=r"^on .*: stopped$"):
      _extract(rated, tmp_path / "beam.parquet", engine)
  assert sorted(made) == [0, 1, 2, 3, 4]
  done = _extract(rated, tmp_path / "beam.parquet", engine)
  assert (done.number, done.failed) == (PICTURES, 1) and done.kept in (7, 8)
  _extract(rated, tmp_path / "alone.parquet")
  contents = [(tmp_path / f"{n}.parquet").read_bytes() for n in ("beam", "alone")]
  assert contents[0] == contents[1]
  assert sorted(path.name for path in tmp_path.iterdir()) == [
    "alone.parquet",
    "beam.parquet",
  ]


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({"skip_bad_pictures": False}, r"1 of 9 rated pictures cannot be read: '5.png' \("),
    ({"features": ("object_resnet18",)}, "no trained weights of resnet18"),
    ({"config": "synthetic"}, "va_emotion/synthetic are of drawn pictures: leave its"),
    ({"features_table": "gone.parquet", "images_dir": ""}, "no file gone.parquet: exp"),
    ({"features_table": "t.parquet", "images_dir": ""}, "are in --features_table: le"),
  ],
)
def test_mistakes_are_told(rated, tmp_path, monkeypatch, settings, message):
  monkeypatch.chdir(tmp_path)
  _extract(rated, tmp_path / "t.parquet")
  with pytest.raises(ValueError, match=message) as error:
    _build(rated, tmp_path / "data", _options("in_memory"), **settings)
  assert "\n" not in str(error.value)
  assert not list((tmp_path / "data").glob("va_emotion/[!.]*/*"))


def test_a_process_that_would_compute_otherwise_says_so(rated, tmp_path, monkeypatch):
  engine = beam.Pipeline(None, _options("in_memory"))
  described = feature_table.described

  def older(of):
    return [entry | {"version": 0} for entry in described(of)]

  monkeypatch.setattr(worker.feature_table, "described", older)
  with pytest.raises(errors.UserError, match=r"^on .*: color would be made otherwise"):
    _extract(rated, tmp_path / "t.parquet", engine)


def test_without_beam_the_package_is_named(rated, tmp_path, monkeypatch):
  monkeypatch.setattr(beam.importlib.util, "find_spec", lambda _: None)
  with pytest.raises(errors.UserError, match=r'pip install "emojax\[beam\]"$'):
    _build(rated, tmp_path, "any options")
