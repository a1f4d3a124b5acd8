"""Published sets of rated pictures, read as their authors hand them out.

One `PublishedSet` says all about a set: which files it comes in, where the ratings
stand in its table, their scale, its terms, and where to ask for it. What is not in its
published description, or in programs of others that read it, is not here either.

In: the set's folder. Out: a `Collection`.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

from emojax.config import TARGETS, DataConfig
from emojax.datasets.va_emotion import (
  collection,
  published_tables,
  ratings,
  scale_inference,
)
from emojax.utils import names, tables
from emojax.utils import scales as scale_lib


@dataclasses.dataclass(frozen=True)
class PublishedSet:
  """What is known of a set.

  Attributes:
    title: its name, and what it holds.
    files: names of its tables in its folder; each may have * in it.
    read: reads one of the tables: its fields image, valence, arousal, and perhaps
      spreads and counts.
    scales: target -> lowest and highest possible rating; empty: its description, as far
      as it could be read, does not say, so the user does.
    terms: what may be done with it, in the words of its authors.
    citation: the article.
    ask: where to get it.
    needs_every_table: whether all tables are needed, or the first that is there.
    images: the folder of its pictures, in its folder; names in the table are paths
      below it. Empty: they are names of files, wherever in the set's folder.
    preparation: what to do with the files first; empty: nothing.
    disclaimer: see `Collection`.
  """

  title: str
  files: tuple[str, ...]
  read: Callable[[pathlib.Path], tables.Table]
  scales: Mapping[str, scale_lib.Scale]
  terms: str
  citation: str
  ask: str
  needs_every_table: bool = False
  images: str = ""
  preparation: str = ""
  disclaimer: str = ""


def load(name: str, data: DataConfig) -> collection.Collection:
  """The rated pictures of a published set.

  Args:
    name: of `SETS`.
    data: the set's folder, whether to leave pictures out that are not there, and scales
      that go before the set's own.
  Returns:
    A `Collection` with ratings on 1..9.
  Raises:
    RatingsError: folder, table or pictures missing, or the table is not as it should
      be; says which files are expected and where to ask for them.
  """
  published = SETS[name]
  folder = pathlib.Path(data.manual_dir).expanduser()
  if not data.manual_dir or not folder.is_dir():
    came = f"there is no folder {folder}" if data.manual_dir else "it is not given"
    raise ratings.RatingsError(f"{instructions(name)}. Now {came}")
  paths = _tables(name, folder)
  images = folder / published.images
  if not images.is_dir():
    raise ratings.RatingsError(
      f"{instructions(name)}. {folder} has no folder {published.images}/"
    )
  there = collection.files_of(images)
  scales = {
    target: scale_inference.from_settings(data, target) or published.scales.get(target)
    for target in TARGETS
  }
  sure: Mapping[str, scale_lib.Scale] = {}
  rated: list[ratings.Rated] = []
  for path in paths:
    table = published.read(path)
    cells = [line.cells["image"] for line in table.lines]
    if not published.images:
      cells = _anywhere(path, cells, there)
    of_table, sure = ratings.read_rated(
      table,
      scales,
      there.resolve(cells),
      keywords=[""] * len(cells),
    )
    rated += of_table
  return collection.from_files(
    name,
    sure,
    rated,
    paths[0] if len(paths) == 1 else folder,
    images,
    there,
    data.skip_bad_pictures,
    settings={
      "rating_scale": {target: list(scale) for target, scale in sure.items()},
      "terms": published.terms,
      "citation": published.citation,
    },
    disclaimer=published.disclaimer,
  )


def instructions(name: str) -> str:
  """Which files a set needs and where to ask for them, without a full stop."""
  published = SETS[name]
  files = (" and " if published.needs_every_table else " or ").join(published.files)
  images = f"{published.images}/" if published.images else "its pictures"
  first = f"; {published.preparation}" if published.preparation else ""
  return (
    f"va_emotion/{name} needs a folder with {files}, and {images} beside it, named "
    f"with --manual_dir{first}; ask for {published.title} at {published.ask}"
  )


def _tables(name: str, folder: pathlib.Path) -> list[pathlib.Path]:
  """The tables that are to be read."""
  published = SETS[name]
  paths: list[pathlib.Path] = []
  lacking = []
  for pattern in published.files:
    matching = sorted(path for path in folder.glob(pattern) if path.is_file())
    paths += matching
    if not matching:
      lacking.append(pattern)
  if paths and not (lacking and published.needs_every_table):
    return paths if published.needs_every_table else paths[:1]
  came = tables.some(sorted(path.name for path in folder.iterdir()), ", ")
  raise ratings.RatingsError(
    f"{instructions(name)}. {folder} lacks {' and '.join(lacking)}: it has "
    f"{came or 'nothing'}"
  )


def _anywhere(
  table: pathlib.Path, cells: Sequence[str], there: names.Files
) -> list[str]:
  """Names of files, with or without their suffix, as paths below the folder.

  A cell may have folders before the name: then the file has to have them too.

  Raises:
    RatingsError: a name that two files have.
  """
  paths: dict[str, list[str]] = {}
  for path in sorted(there.paths):
    paths.setdefault(pathlib.PurePosixPath(path).stem, []).append(path)
  whole = []
  for cell in cells:
    name = pathlib.PurePosixPath(cell.strip("/"))
    end = f"/{name.with_suffix('')}"
    matching = [
      path
      for path in paths.get(name.stem, [])
      if f"/{pathlib.PurePosixPath(path).with_suffix('')}".endswith(end)
    ]
    if len(matching) > 1:
      raise ratings.RatingsError(
        f"{table}: {cell!r} may be {' or '.join(map(repr, matching))}: keep one of them"
      )
    whole += matching or [cell.lstrip("/")]
  return whole


_SPREADS = ("image", "valence", "valence_std", "arousal", "arousal_std")
SETS: Mapping[str, PublishedSet] = {
  # Scale: Marchewka et al., Procedure: sliders from 1 to 9. Table: the seventh and the
  # ninth of the columns called M, as pandas users count them (M.6, M.8).
  "naps": PublishedSet(
    title="the Nencki Affective Picture System (1,356 photographs)",
    files=(
      "Valence, arousal and approach-avoidance ratings*.xlsx",
      "Valence, arousal and approach-avoidance ratings*.csv",
    ),
    read=published_tables.by_repeated_name("ID", "M", {"valence": 6, "arousal": 8}),
    scales=dict.fromkeys(TARGETS, (1, 9)),
    terms="free for the scientific community, noncommercial use, by request",
    citation=(
      "A. Marchewka, L. Zurawski, K. Jednorog, A. Grabowska, The Nencki Affective "
      "Picture System (NAPS), Behavior Research Methods 46, 2014"
    ),
    ask="naps.nencki.gov.pl",
    preparation="the table comes as .xls: save it as .xlsx or CSV",
  ),
  # Table: name, mean and spread in brackets of valence, then of arousal, then more.
  "gaped": PublishedSet(
    title="the Geneva Affective Picture Database (730 pictures)",
    files=tuple(f"{part}_with SD.txt" for part in ("A", "H", "N", "P", "Sn", "Sp")),
    read=published_tables.by_place(*_SPREADS),
    scales=dict.fromkeys(TARGETS, (0, 100)),
    terms="no licence found stated; ask its authors",
    citation=(
      "E. S. Dan-Glauser, K. R. Scherer, The Geneva affective picture database "
      "(GAPED), Behavior Research Methods 43, 2011"
    ),
    ask="the CISA of the University of Geneva (unige.ch/cisa)",
    needs_every_table=True,
  ),
  # The first column holds the pictures' names; some copies call it img_name.
  "smid": PublishedSet(
    title="the Socio-Moral Image Database (2,941 photographs)",
    files=("SMID_norms.csv",),
    read=published_tables.by_name("img_name", "", "Unnamed: 0"),
    scales={},
    terms="freely available, as its article says",
    citation=(
      "D. L. Crone, S. Bode, C. Murawski, S. M. Laham, The Socio-Moral Image Database "
      "(SMID), PLOS ONE 13(1), 2018"
    ),
    ask="osf.io/2rqad",
  ),
  # Table: as its readme.txt says; the names in it are paths below images/.
  "emotion6": PublishedSet(
    title="Emotion6 (1,980 photographs from Flickr)",
    files=("ground_truth.txt",),
    read=published_tables.by_place("image", *TARGETS),
    scales={},
    terms="academic research only; the pictures' copyright remains with their owners",
    citation=(
      "K.-C. Peng, A. Sadovnik, A. Gallagher, T. Chen, A Mixed Bag of Emotions: Model, "
      "Predict, and Transfer Emotion Distributions, CVPR 2015"
    ),
    ask="kp388@cornell.edu (its readme.txt)",
    images="images",
  ),
  # Table: as its readme and programs that read it say; ratings are of people in it.
  "emotic": PublishedSet(
    title="EMOTIC (23,571 photographs of people)",
    files=("Annotations.mat", "Annotations/Annotations.mat"),
    read=published_tables.emotic,
    scales=dict.fromkeys(TARGETS, (1, 10)),
    terms="on request, for research",
    disclaimer=(
      "The ratings say what the people in a picture seem to feel, not what the picture "
      "makes others feel."
    ),
    citation=(
      "R. Kosti, J. M. Alvarez, A. Recasens, A. Lapedriza, Context Based Emotion "
      "Recognition Using EMOTIC Dataset, IEEE TPAMI 42, 2020"
    ),
    ask="github.com/rkosti/emotic",
  ),
  # Table: as the package findingemo-light carries it.
  "findingemo": PublishedSet(
    title="FindingEmo (25,869 pictures of several people)",
    files=("annotations_single.ann",),
    read=published_tables.by_name("image_path"),
    scales={"valence": (-3, 3), "arousal": (0, 6)},
    terms=(
      "CC BY-NC-SA 4.0 for the ratings, by one person a picture, of the emotion in its "
      "scene; the pictures' copyright remains with their owners"
    ),
    citation=(
      "L. Mertens, E. Yargholi, H. Op de Beeck, J. Van den Stock, J. Vennekens, "
      "FindingEmo: A Picture Dataset for Emotion Recognition in the Wild, NeurIPS 2024"
    ),
    ask="pypi.org/project/findingemo-light",
  ),
}
