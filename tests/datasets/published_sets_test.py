"""Published sets: each on a small made-up folder of the published shape."""

import pathlib
import shutil

import numpy as np
import openpyxl
import pytest
import scipy.io

from emojax.config import TARGETS, DataConfig, ExtractConfig
from emojax.datasets.va_emotion import build, prepare, published_sets, ratings, storage

DUMMY = pathlib.Path(published_sets.__file__).parent / "dummy_data" / "images"
NAPS_TABLE = "Valence, arousal and approach-avoidance ratings (Marchewka et al., 2014)"
GAPED_TABLES = ("A", "H", "N", "P", "Sn", "Sp")


def _image(path: pathlib.Path) -> None:
  path.parent.mkdir(parents=True, exist_ok=True)
  shutil.copy(DUMMY / "dawn.png", path)


def _load(name: str, folder: pathlib.Path, **settings):
  data = DataConfig(dataset=f"va_emotion/{name}", manual_dir=str(folder), **settings)
  return build.collect(storage.place(data), data)


def _numbers(entry: ratings.Rated) -> list[float]:
  return [entry.ratings[target].mean for target in TARGETS]


def _naps(folder: pathlib.Path) -> None:
  """Two lines of titles, then names of which M comes nine times."""
  sheet = openpyxl.Workbook()
  rows = sheet.active
  rows.append(["Ratings"])
  rows.append(["", "", "Men"])
  rows.append(["ID", "Category", *["M", "SD"] * 9])
  for number in range(6):
    image = f"Animals_00{number}_h"
    means = [0.5] * 6 + [1 + number, 0.5, 9 - number]
    rows.append([image, "Animals", *(cell for mean in means for cell in (mean, 0.1))])
    _image(folder / "NAPS_H" / f"{image}.jpg")
  sheet.save(folder / f"{NAPS_TABLE}.xlsx")


def _gaped(folder: pathlib.Path) -> None:
  """Six tables with spreads in brackets, which call .bmp files .jpg."""
  for number, part in enumerate(GAPED_TABLES):
    table = folder / f"{part}_with SD.txt"
    table.write_text(
      "\tValence\t\tArousal\t\r\n"
      f"{part}001.jpg\t{number * 20}.0\t(10.0)\t50.0\t(20.0)\t33.3\t(1.0)\r\n\r\n"
    )
    _image(folder / part / f"{part}001.bmp")


def _smid(folder: pathlib.Path) -> None:
  rows = [",valence_mean,valence_sd,valence_n,arousal_mean,arousal_n,moral_mean"]
  for number in range(5):
    rows.append(f"b1_p1_{number},{1 + number},0.5,30,3,29,2")
    _image(folder / "img" / f"b1_p1_{number}.jpg")
  (folder / "SMID_norms.csv").write_text("\n".join(rows))


def _emotion6(folder: pathlib.Path) -> None:
  rows = ["[image_filename] [valence] [arousal] [prob. anger] [prob. disgust]"]
  for number, part in enumerate(("anger", "disgust", "fear", "joy", "sadness")):
    rows.append(f"{part}/1.jpg\t{2.5 + number}\t{3.8 + number}\t0.1\t0.7")
    _image(folder / "images" / part / "1.jpg")
  (folder / "ground_truth.txt").write_text("\n".join(rows))


def _emotic(folder: pathlib.Path) -> None:
  """Structs as MATLAB keeps them: two people, one of them with two raters."""

  def person(*ratings: tuple[float, float]) -> dict:
    raters = [
      {"worker_id": "w", "valence": v, "arousal": a, "dominance": 5.0}
      for v, a in ratings
    ]
    return {"body_bbox": [1, 2, 3, 4], "annotations_continuous": _structs(raters)}

  parts = {
    "train": [("mscoco", [person((8, 4)), person((2, 6), (4, 8))])],
    "val": [("ade20k", [person((np.nan, np.nan), (3, 5))]), ("framesdb", [person()])],
  }
  content = {}
  for part, images in parts.items():
    entries = []
    for number, (database, people) in enumerate(images):
      place, name = f"{database}/images", f"{part}_{number}.jpg"
      _image(folder / "emotic" / place / name)
      entries.append({"filename": name, "folder": place, "person": _structs(people)})
    content[part] = _structs(entries)
  _image(folder / "emotic" / "other" / "train_0.jpg")
  scipy.io.savemat(folder / "Annotations.mat", content)


def _structs(entries: list[dict]) -> np.ndarray:
  """A MATLAB array of structs, one for each dict."""
  if not entries:
    return np.empty((1, 0))
  array = np.empty((1, len(entries)), [(key, object) for key in entries[0]])
  for place, entry in enumerate(entries):
    array[0, place] = tuple(entry.values())
  return array


def _findingemo(folder: pathlib.Path) -> None:
  rows = ["index,user,image_path,tags,age,valence,arousal,emotion,dec_factors"]
  for number in range(4):
    place = f"Run_{number % 2}/Happy youth mall {number}"
    rows.append(
      f'{number},5f,/{place}/1.jpg,Undefined,"Youth,Adults",{number - 1},6,Joy,'
    )
    _image(folder / "images" / place / "1.jpg")
  (folder / "annotations_single.ann").write_text("\n".join(rows))


MAKERS = {
  "naps": _naps,
  "gaped": _gaped,
  "smid": _smid,
  "emotion6": _emotion6,
  "emotic": _emotic,
  "findingemo": _findingemo,
}


def test_every_set_is_a_config_and_is_tested():
  assert MAKERS.keys() == published_sets.SETS.keys()
  assert MAKERS.keys() < storage.CONFIGS.keys()


def test_naps_takes_the_means_over_everybody(tmp_path):
  _naps(tmp_path)
  source = _load("naps", tmp_path)
  assert [entry.image_id for entry in source.rated][1] == "NAPS_H/Animals_001_h.jpg"
  means = [[1 + number, 9 - number] for number in range(6)]
  assert [_numbers(entry) for entry in source.rated] == means
  assert source.scales == {"valence": (1, 9), "arousal": (1, 9)}


def test_naps_saved_as_csv_with_decimal_commas(tmp_path):
  _naps(tmp_path)
  for path in tmp_path.glob("*.xlsx"):
    path.unlink()
  width = ";" * 9
  rows = [f"Ratings{width}", width, f"ID{';M' * 9}"]
  rows += [f"Animals_00{n}_h{';0' * 6};{n},5;0;2,25" for n in range(1, 6)]
  (tmp_path / f"{NAPS_TABLE}.csv").write_text("\n".join(rows))
  source = _load("naps", tmp_path)
  assert [_numbers(entry) for entry in source.rated] == [
    [n + 0.5, 2.25] for n in range(1, 6)
  ]


def test_gaped_reads_six_tables_on_0_to_100(tmp_path):
  _gaped(tmp_path)
  source = _load("gaped", tmp_path)
  # Worked by hand: 1 + 8 r / 100, spreads times 8 / 100.
  by_name = {entry.image_id: entry for entry in source.rated}
  assert len(by_name) == 6
  entry = by_name["Sn/Sn001.bmp"]
  assert _numbers(entry) == pytest.approx([1 + 8 * 0.8, 5])
  assert entry.ratings["valence"].std == pytest.approx(0.8)
  assert entry.ratings["arousal"].std == pytest.approx(1.6)
  assert source.scales["arousal"] == (0, 100)


def test_smid_has_a_first_column_without_a_name(tmp_path):
  _smid(tmp_path)
  source = _load("smid", tmp_path, rating_scale=(1, 5))
  last = source.rated[-1]
  assert last.image_id == "img/b1_p1_4.jpg"
  assert _numbers(last) == [9, 5]
  assert last.ratings["valence"].std == pytest.approx(1.0)
  assert (last.ratings["valence"].raters, last.ratings["arousal"].raters) == (30, 29)
  with pytest.raises(ratings.RatingsError, match=r"SMID_norms.*scale.*--rating_scale"):
    _load("smid", tmp_path)


def test_emotion6_has_paths_below_images(tmp_path):
  _emotion6(tmp_path)
  source = _load("emotion6", tmp_path)
  assert [entry.image_id for entry in source.rated][1] == "disgust/1.jpg"
  assert _numbers(source.rated[1]) == pytest.approx([3.5, 4.8])
  said = _load("emotion6", tmp_path, valence_scale=(0, 10), arousal_scale=(1, 9))
  assert said.scales == {"valence": (0, 10), "arousal": (1, 9)}


def test_emotic_means_over_people_and_their_raters(tmp_path):
  _emotic(tmp_path)
  source = _load("emotic", tmp_path)
  by_name = {entry.image_id: entry for entry in source.rated}
  # Worked by hand: (8 + (2 + 4) / 2) / 2 = 5.5 and (4 + 7) / 2 = 5.5 on 1..10.
  first = 1 + 8 * (5.5 - 1) / 9
  assert _numbers(by_name.pop("emotic/mscoco/images/train_0.jpg")) == [first, first]
  # An unknown rating counts nowhere; a picture without any is left out.
  assert list(by_name) == ["emotic/ade20k/images/val_0.jpg"]
  assert _numbers(*by_name.values()) == pytest.approx([1 + 16 / 9, 1 + 32 / 9])
  assert source.unrated == 2
  assert "seem to feel" in source.disclaimer


def test_findingemo_has_a_scale_per_target_and_names_below_folders(tmp_path):
  _findingemo(tmp_path)
  source = _load("findingemo", tmp_path)
  assert source.scales == {"valence": (-3, 3), "arousal": (0, 6)}
  assert [_numbers(entry)[1] for entry in source.rated] == [9] * 4
  first = source.rated[0]
  assert first.image_id == "images/Run_0/Happy youth mall 0/1.jpg"
  assert _numbers(first)[0] == pytest.approx(1 + 8 * 2 / 6)
  # A picture of the same name in another folder does not pass for it.
  (tmp_path / first.image_id).unlink()
  with pytest.raises(ratings.RatingsError, match=r"1 of the 4 .*mall 0"):
    _load("findingemo", tmp_path)


@pytest.mark.parametrize("name", MAKERS)
def test_without_files_one_line_says_which_and_where_to_ask(tmp_path, name):
  published = published_sets.SETS[name]
  for folder, came in (("", "not given"), (tmp_path / "gone", "no folder")):
    with pytest.raises(ratings.RatingsError) as error:
      published_sets.load(name, DataConfig(manual_dir=str(folder)))
    text = str(error.value)
    assert came in text and published.ask in text and "\n" not in text
    assert all(table in text for table in published.files)
  (tmp_path / "other.csv").write_text("")
  with pytest.raises(ratings.RatingsError, match=r"lacks .*it has other\.csv"):
    _load(name, tmp_path)


def test_a_lacking_part_of_gaped_is_named(tmp_path):
  _gaped(tmp_path)
  (tmp_path / "N_with SD.txt").unlink()
  with pytest.raises(ratings.RatingsError, match=r"lacks N_with SD\.txt"):
    _load("gaped", tmp_path)


def test_lacking_pictures_are_named_or_left_out(tmp_path):
  _smid(tmp_path)
  (tmp_path / "img" / "b1_p1_2.jpg").unlink()
  with pytest.raises(ratings.RatingsError, match=r"1 of the 5 .*b1_p1_2"):
    _load("smid", tmp_path, rating_scale=(1, 5))
  source = _load("smid", tmp_path, rating_scale=(1, 5), skip_bad_pictures=True)
  assert len(source.rated) == 4 and source.missing == ("b1_p1_2",)


def test_two_pictures_of_one_name_are_refused(tmp_path):
  _smid(tmp_path)
  _image(tmp_path / "large" / "b1_p1_2.jpg")
  with pytest.raises(ratings.RatingsError, match=r"b1_p1_2.*img/.* or 'large/"):
    _load("smid", tmp_path, rating_scale=(1, 5))


@pytest.mark.parametrize(
  ("name", "table", "text", "message"),
  [
    ("gaped", "A_with SD.txt", "x\nA001.jpg\t1\n", r"line 2: expected image, val"),
    ("gaped", "A_with SD.txt", "x\nA001.jpg 1 (2) 101 (2)", r"line 2.*0 to 100"),
    ("emotion6", "ground_truth.txt", "x\n", "no ratings below its first line"),
    ("smid", "SMID_norms.csv", "img_name,valence_mean\na,1\n", "no column 'arousal'"),
    ("emotic", "Annotations.mat", "x", r"Annotations\.mat cannot be read: \S.*"),
    ("findingemo", "annotations_single.ann", "image_path\na\n", "no column 'valence'"),
    ("naps", f"{NAPS_TABLE}.csv", "ID,M\na,1\n", r"at least 9 columns called M, got 1"),
  ],
)
def test_a_wrong_table_is_refused(tmp_path, name, table, text, message):
  MAKERS[name](tmp_path)
  for path in tmp_path.glob("*.xlsx"):
    path.unlink()
  (tmp_path / table).write_text(text)
  with pytest.raises(ratings.RatingsError, match=message):
    _load(name, tmp_path)


def test_a_set_is_prepared_with_its_scale_and_terms(tmp_path):
  _gaped(tmp_path)
  data = DataConfig(
    dataset="va_emotion/gaped", manual_dir=str(tmp_path), data_dir=str(tmp_path / "d")
  )
  settings = ExtractConfig(features=("lbp",), cache_dir="")
  dataset = prepare.prepare(data, settings, say=lambda line: None)
  assert dataset.name == "va_emotion/gaped" and len(dataset.image_ids) == 6
  assert dataset.scales == {"valence": (0, 100), "arousal": (0, 100)}
  assert "Dan-Glauser" in dataset.metadata["settings"]["citation"]
