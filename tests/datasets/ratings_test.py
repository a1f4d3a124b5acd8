"""Tables of ratings: what is accepted, how it is mapped, and how mistakes are told."""

import dataclasses
import math
import pathlib

import numpy as np
import pytest

from emojax.config import TARGETS, DataConfig
from emojax.datasets.va_emotion import folder, oasis, ratings

HEADER = "image,valence,arousal"


@pytest.fixture
def images(tmp_path) -> pathlib.Path:
  """A folder with three files; what is in them does not matter here."""
  root = tmp_path / "pictures"
  (root / "sub").mkdir(parents=True)
  for name in ("a.jpg", "b.jpg", "sub/c.png"):
    (root / name).write_bytes(name.encode())
  return root


def _load(images, text: str | bytes, scale=(1.0, 9.0), **settings):
  table = images.parent / "ratings.csv"
  table.write_bytes(text if isinstance(text, bytes) else text.encode())
  return folder.load(
    DataConfig(
      images_dir=str(images), ratings_csv=str(table), rating_scale=scale, **settings
    )
  )


def _numbers(entry: ratings.Rated, target: str) -> tuple[float, float, int]:
  return dataclasses.astuple(entry.ratings[target])


def test_ratings_are_mapped_linearly_to_1_to_9(images):
  text = (
    "image,valence,arousal,valence_std,arousal_std,num_raters,keyword,comment\n"
    "b.jpg,0,100,10,20,12,storm,x\n"
    "a.jpg,50,25,0,5,3,,\n"
  )
  source = _load(images, text, scale=(0, 100))
  first, second = source.rated
  # Worked by hand: 1 + 8 * r / 100, spreads times 8 / 100.
  assert first.image_id == "a.jpg" and second.keyword == "storm"
  assert _numbers(first, "valence") == (5.0, 0.0, 3)
  assert _numbers(first, "arousal") == (3.0, pytest.approx(0.4), 3)
  assert _numbers(second, "valence") == (1.0, pytest.approx(0.8), 12)
  assert _numbers(second, "arousal") == (9.0, pytest.approx(1.6), 12)
  assert source.unrated == 1 and source.missing == ()
  assert source.settings["rating_scale"] == [0, 100]
  assert source.settings["folder"] == str(images)


def test_what_a_table_does_not_say_is_unknown(images):
  (only,) = _load(images, f"{HEADER},valence_std\nsub/c.png,2,3,\n").rated
  for target in TARGETS:
    assert math.isnan(only.ratings[target].std) and only.ratings[target].raters == -1
  assert only.keyword == ""


@pytest.mark.parametrize(
  "text",
  [
    b"\xef\xbb\xbfimage,valence,arousal\na.jpg,2,3\n",  # byte-order mark
    b"image,valence,arousal\ra.jpg,2,3\r",  # bare carriage returns
    b"image,valence,arousal\r\na.jpg,2,3\r\n\r\n",  # Windows, blank line at the end
    b" Image ,VALENCE,Arousal\n ./a.jpg , 2 , 3.0 \n",
    b'image,valence,arousal\n"a.jpg",2,3',  # quoted, no line end
  ],
)
def test_harmless_differences_are_accepted(images, text):
  (only,) = _load(images, text).rated
  assert only.image_id == "a.jpg"
  assert [only.ratings[target].mean for target in TARGETS] == [2.0, 3.0]


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("", "ratings.csv is empty: expected a header line"),
    ("\n\n", "is empty"),
    (f"{HEADER}\n", "has a header but no ratings"),
    ("image,joy\na.jpg,1\n", r"no column 'valence', 'arousal': expected image, val"),
    ("image,valence,arousel\na.jpg,1,2\n", r"no column 'arousal': .*is 'arousel' your"),
    ("image,valence,valence,arousal\na.jpg,1,1,2\n", "2 columns called 'valence'"),
    (f"{HEADER}\na.jpg,1\n", "line 2, column arousal: expected a number, got an empty"),
    (f"{HEADER}\na,b.jpg,1,2\n", "line 2: expected 3 cells as in the header, got 4"),
    (f"{HEADER}\na.jpg,3,5,4,2\n", r"commas stand in numbers too \(3,5\), save"),
    (
      f"{HEADER}\na.jpg,1,9.5\n",
      "line 2, column arousal: expected a rating from 1",
    ),
    (f"{HEADER}\na.jpg,0.5,2\n", "got 0.5; if the ratings have another scale"),
    (f"{HEADER}\na.jpg,good,2\n", "line 2, column valence: expected a number, got 'go"),
    (f"{HEADER}\na.jpg,,2\n", "expected a number, got an empty cell"),
    (f"{HEADER}\na.jpg,nan,2\n", "expected a number, got 'nan'"),
    (f"{HEADER}\na.jpg,inf,2\n", "expected a number, got 'inf'"),
    (f"{HEADER}\na.jpg,0_7,2\n", "expected a number, got '0_7'"),
    (f"{HEADER}\na.jpg,\uff15,2\n", "expected a number, got '\uff15'"),
    (f"{HEADER}\na.jpg,NA,2\n", "column valence: expected a number, got 'NA'"),
    (f'{HEADER}\na.jpg,"3,5",2.5\n', "'3,5' .line 2, valence.* point, '2.5' .line 2"),
    (f'{HEADER}\na.jpg,"3,125",2\n', "'3,125' .line 2, valence. may be 3.125 or 3125"),
    (
      f"{HEADER}\na.jpg,1,2\nb.jpg,1,2\n./a.jpg,1,3\n",
      "twice, in lines 2 and 4",
    ),
    (f"{HEADER}\n,1,2\n", "line 2: expected a picture's name, got nothing"),
    (f"{HEADER}\n../x.jpg,1,2\n", "line 2: expected a path below the folder of pictu"),
    (f"{HEADER}\n/x.jpg,1,2\n", "line 2: expected a path below the folder of pictures"),
    (f"{HEADER},valence_std\na.jpg,1,2,-1\n", "a standard deviation of 0 or more, got"),
    (f"{HEADER},num_raters\na.jpg,1,2,2.5\n", "a whole number of raters from 1 to 2,1"),
    (f"{HEADER},num_raters\na.jpg,1,2,3000000000\n", "to 2,147,483,647, got 3e.09"),
    (f"{HEADER},num_raters\na.jpg,1,2,1e308\n", "to 2,147,483,647, got 1e.308"),
    (
      f"{HEADER},valence_std\na.jpg,1,2,1e308\n",
      "line 2, column valence_std: ratings from",
    ),
    (f'{HEADER}\na.jpg,1,"2\n', "ratings.csv, line 2: not CSV"),
    (
      b"image,valence,arousal\nb.jpg,1,2\n\x81.jpg,1,2\n",
      "line 3: byte 0x81 is not UTF-8, nor is the file Windows-1252",
    ),
    (b"PK\x03\x04rest", "cannot be read as an .xlsx file"),
  ],
)
def test_mistakes_are_told_with_file_and_place(images, text, message):
  with pytest.raises(ratings.RatingsError, match=message) as error:
    _load(images, text)
  assert "ratings.csv" in str(error.value)


@pytest.mark.parametrize(
  "name", ["a" * 300 + ".jpg", "a" * 131_000, "a\x1b\0.jpg"], ids=len
)
def test_a_name_that_no_file_can_have_is_one_that_is_not_there(images, name):
  with pytest.raises(ratings.RatingsError, match=r"1 of the 1 pictures rated in"):
    _load(images, f"{HEADER}\n{name},1,2\n")


@pytest.mark.parametrize(
  "text",
  [
    "image;valence;arousal\na.jpg;2,5;3\n".encode("cp1252"),  # Excel in German
    "image\tvalence\tarousal\na.jpg\t2.5\t3\n".encode("utf-16"),  # its Unicode text
    '"","Theme","Valence_mean","Arousal_mean"\n"1","a",2.5,3\n',  # R's write.csv
    "Filename,valmn,aromn,valsd\nC:\\me\\pictures\\a.jpg,2.5,3,NA\n",
    "Input.image_url,mean_valence,mean_arousal,n\nhttps://h/x/a.jpg?v=1,2.5,3,#DIV/0!\n",
    "image,valence,arousal,valence_std,arousal_std,num_raters\na,2.5,3\n",
  ],
)
def test_tables_as_people_have_them(images, text):
  source = _load(images, text)
  (only,) = source.rated
  assert only.image_id == "a.jpg"
  assert [only.ratings[target].mean for target in TARGETS] == [2.5, 3.0]
  assert math.isnan(only.ratings["valence"].std)
  assert only.ratings["valence"].raters == -1
  (line,) = source.settings["assumed"]
  assert line.startswith(f"{images.parent / 'ratings.csv'}: read with ")


def test_the_columns_that_settings_name(images):
  text = "pic,v,sd v,a,sd a,how many,what\na.jpg,2,1,3,1.5,7,storm\n"
  named = ("pic", "V", "a", "sd v", "sd a", "how many", "what")
  flags = [f"{field}_column" for field in folder.FIELDS]
  source = _load(images, text, **dict(zip(flags, named, strict=True)))
  valence, arousal = ratings.Rating(2, 1, 7), ratings.Rating(3, 1.5, 7)
  of = {"valence": valence, "arousal": arousal}
  assert source.rated == [ratings.Rated("a.jpg", of, "storm")]
  assert source.settings["assumed"] == []


def test_counts_may_differ_between_targets(images):
  text = f"{HEADER},Valence_N,Arousal_N,num_raters\na.jpg,2,3,7,8,9\n"
  (only,) = _load(images, text).rated
  assert [only.ratings[target].raters for target in TARGETS] == [7, 8]
  (only,) = _load(images, text, num_raters_column="num_raters").rated
  assert [only.ratings[target].raters for target in TARGETS] == [9, 9]


def test_a_single_rater_has_no_spread(images):
  """R gives NA, other programs 0, which would be a perfect noise ceiling."""
  text = f"{HEADER},valence_std,num_raters\na.jpg,2,3,0,1\nb.jpg,2,3,0,2\n"
  alone, two = _load(images, text).rated
  assert math.isnan(alone.ratings["valence"].std) and two.ratings["valence"].std == 0


def test_a_name_that_fits_two_pictures_and_two_names_of_one(images):
  (images / "a.png").write_bytes(b"")
  with pytest.raises(ratings.RatingsError, match=r"line 2: 'a' may be 'a.jpg' or 'a."):
    _load(images, f"{HEADER}\na,2,3\n")
  with pytest.raises(ratings.RatingsError, match=r"'sub/c.png' stands twice, in line"):
    _load(images, f"{HEADER}\nsub\\c.png,2,3\nsub/c,2,3\n")


def test_many_mistakes_are_listed_and_counted(images):
  lines = "".join(f"p{i}.jpg,{i},2\n" for i in range(10, 17))
  with pytest.raises(ratings.RatingsError, match=r"line 4, .*; and 4 more$") as error:
    _load(images, f"{HEADER}\n{lines}")
  assert "line 2" in str(error.value) and "line 5" not in str(error.value)


def test_a_missing_table_a_missing_folder_and_missing_settings(images):
  with pytest.raises(ratings.RatingsError, match=r"no file .*gone.csv: expected a CSV"):
    folder.load(
      DataConfig(images_dir=str(images), ratings_csv=str(images / "gone.csv"))
    )
  _load(images, f"{HEADER}\na.jpg,1,2\n")
  table = str(images.parent / "ratings.csv")
  with pytest.raises(ValueError, match=r"expected a folder .*gone"):
    folder.load(DataConfig(images_dir=str(images / "gone"), ratings_csv=table))
  with pytest.raises(ratings.RatingsError, match="--ratings_csv is not given"):
    folder.load(DataConfig(images_dir=str(images)))


@pytest.mark.parametrize(
  ("valence", "arousal", "message"),
  [
    ((1.2, 6.8), (2, 6), "--rating_scale=1,7 or --rating_scale=1,9$"),
    ((1.2, 4.8), (1, 5), "--rating_scale=1,5 or --rating_scale=1,9$"),
    ((1.2, 5.7), (2, 5), "=1,6 or --rating_scale=1,7 or --rating_scale=1,9$"),
    ((0.02, 0.98), (0, 1), "valence runs from 0.02 to 0.98, .*=0,1 or .*=-1,1"),
    ((-2.5, 2.9), (0.1, 5.8), "_scale=-3,3 or .*=-4,4; --arousal_scale=0,6 or .*=0,8"),
    ((1.2, 8.8), (1, 5), "is: arousal runs from 1 to 5. .*--arousal_scale=1,5 or .*1,"),
    ((1.2, 6.8), (0, 1), "--valence_scale=1,7 or .*=1,9; --arousal_scale=0,1 or .*=-1"),
    ((1, 9.5), (1, 9), "--valence_scale=1,10 or --valence_scale=0,10$"),
    ((1, 3000), (1, 2000), "--rating_scale=LOWEST,HIGHEST"),
  ],
)
def test_a_scale_that_is_in_doubt_is_not_guessed(images, valence, arousal, message):
  pairs = zip("ab", valence, arousal, strict=True)
  rows = "".join(f"{name}.jpg,{v},{a}\n" for name, v, a in pairs)
  with pytest.raises(ratings.RatingsError, match=message) as error:
    _load(images, f"{HEADER}\n{rows}", scale=())
  assert "the ratings do not say what their scale is" in str(error.value)


def test_the_scale_1_to_9_is_taken_where_nothing_speaks_against_it(images):
  source = _load(images, f"{HEADER}\na.jpg,7.1,3\nb.jpg,2,6\n", scale=())
  assert source.scales == {"valence": (1, 9), "arousal": (1, 9)}
  assert "valence and arousal taken to be on 1..9" in source.settings["assumed"][0]


def test_each_target_may_have_a_scale(images):
  source = _load(
    images,
    f"{HEADER},valence_std\na.jpg,-3,6,0.75\nb.jpg,0,3,\n",
    scale=(),
    valence_scale=(-3, 3),
    arousal_scale=(0, 6),
  )
  first, second = source.rated
  # Worked by hand: 1 + 8 (r + 3) / 6 and 1 + 8 r / 6; a spread times 8 / 6.
  assert _numbers(first, "valence") == (1.0, 1.0, -1)
  assert [e.ratings["arousal"].mean for e in source.rated] == [9.0, 5.0]
  assert second.ratings["valence"].mean == 5.0
  assert source.scales == {"valence": (-3, 3), "arousal": (0, 6)}
  assert source.settings["rating_scale"] == {"valence": [-3, 3], "arousal": [0, 6]}
  both = _load(images, f"{HEADER}\na.jpg,-3,6\n", (0, 6), valence_scale=(-3, 3))
  assert both.scales == source.scales


def test_pleasure_is_valence_where_nothing_else_is(images):
  source = _load(images, "image,Pleasure (M),Pleasure SD,Activation\na.jpg,4,1,3\n")
  assert source.targets == ("valence", "arousal")
  assert _numbers(source.rated[0], "valence") == (4.0, 1.0, -1)
  assert "valence from the column 'Pleasure (M)'" in source.settings["assumed"][0]
  source = _load(images, "image,pleasure,valence\na.jpg,4,2\n")
  assert _numbers(source.rated[0], "valence")[0] == 2


def test_one_target_is_enough_and_there_may_be_others(images):
  source = _load(images, "image,arousal\na.jpg,4\n")
  assert source.targets == ("arousal",)
  assert "no valence" in source.settings["assumed"][0]
  source = _load(images, "image,arousal,Liking (M)\na.jpg,4,2\n")
  assert source.settings["assumed"] == [
    f"{images.parent / 'ratings.csv'}: read with no valence (if a column such as "
    "'liking (m)' is that, say so with --valence_column)"
  ]
  text = "image,Mean beauty,beauty_sd,N,joy\na.jpg,7,2,4,x\n"
  source = _load(
    images, text, scale=(), further_targets=("beauty",), further_scale=(0, 10)
  )
  assert source.targets == ("beauty",)
  (only,) = source.rated
  assert _numbers(only, "beauty") == (pytest.approx(6.6), pytest.approx(1.6), 4)
  text = f"{HEADER},beauty\na.jpg,1,2,3\n"
  source = _load(images, text, further_targets=("beauty", "valence"))
  assert source.targets == ("valence", "arousal", "beauty")
  other = _load(images, f"{HEADER},joy\na.jpg,1,2,3\n", further_targets=("joy",))
  assert other.fingerprint() != source.fingerprint()


@pytest.mark.parametrize(
  ("target", "message"),
  [
    ("beauty", "no column 'beauty': expected image, beauty, got image, valence"),
    ("fold", "'fold' cannot be the name of a target"),
    ("lbp", "'lbp' cannot be"),
    ("joy_std", "'joy_std' cannot be"),
    ("a,b", "'a,b' cannot be"),
  ],
)
def test_a_target_that_is_none(images, target, message):
  with pytest.raises(ratings.RatingsError, match=message):
    _load(images, f"{HEADER}\na.jpg,1,2\n", further_targets=(target,))


@pytest.mark.parametrize("scale", [(9, 1), (1, 1), (1,), (1, 2, 3), (1, math.inf)])
def test_a_scale_that_is_none_is_told(images, scale):
  with pytest.raises(ratings.RatingsError, match="expected a rating scale of two numb"):
    _load(images, f"{HEADER}\na.jpg,1,2\n", scale=scale)


MISSING = f"{HEADER}\nc,1,2\nB.JPG,1,2\na.png,1,2\nzzz.jpg,1,2\nsub/c.png,4,4\n"


def test_missing_pictures_are_counted_and_near_names_shown(images):
  with pytest.raises(ratings.RatingsError, match="4 of the 5 pictures rated in") as got:
    _load(images, MISSING)
  text = str(got.value)
  assert "'c' (there is 'sub/c.png')" in text and "'B.JPG' (there is 'b.jpg')" in text
  assert "'a.png' (there is 'a.jpg')" in text
  assert "and 1 more" in text and "--skip_bad_pictures" in text


def test_missing_pictures_can_be_left_out_and_are_recorded(images):
  source = _load(images, MISSING, skip_bad_pictures=True)
  assert [entry.image_id for entry in source.rated] == ["sub/c.png"]
  assert sorted(source.missing) == ["B.JPG", "a.png", "c", "zzz.jpg"]


def test_the_fingerprint_follows_contents_not_the_table_s_order(images):
  first = _load(images, f"{HEADER}\na.jpg,1,2\nb.jpg,3,4\n").fingerprint()
  same = _load(images, "arousal,image,valence\n4,b.jpg,3.0\n2,a.jpg,1\n")
  assert same.fingerprint() == first
  assert _load(images, f"{HEADER}\na.jpg,1,2\nb.jpg,3,5\n").fingerprint() != first
  (images / "b.jpg").write_bytes(b"another")
  assert _load(images, f"{HEADER}\na.jpg,1,2\nb.jpg,3,4\n").fingerprint() != first


PUBLISHED = (
  ",Theme,Category,Source,Valence_mean,Valence_SD,Valence_N,Arousal_mean,Arousal_SD,"
  "Arousal_N\rI1,Crosswalk 1 ,Scenery,Pixabay,4,1.5,102,1,0.75,101\r"
  "I2,War 2 ,Person,Flickr (J\xe9r\xf4me),1,1.5,100,7,0.75,99\r"
).encode("latin-1")


@pytest.fixture
def published(tmp_path) -> pathlib.Path:
  """OASIS as published: bare carriage returns, no first name, blanks, Latin-1."""
  (tmp_path / "images").mkdir()
  (tmp_path / "OASIS.csv").write_bytes(PUBLISHED)
  for name in ("Crosswalk 1.jpg", "War 2.jpg"):
    (tmp_path / "images" / name).write_bytes(b"")
  return tmp_path


def test_oasis_as_published(published):
  first, second = oasis.load(str(published), False).rated
  # Worked by hand: 1 + 8 (r - 1) / 6, spreads times 8 / 6.
  assert (first.image_id, second.image_id) == ("Crosswalk 1.jpg", "War 2.jpg")
  assert _numbers(first, "valence") == (5.0, 2.0, 102)
  assert _numbers(first, "arousal") == (1.0, 1.0, 101)
  assert [second.ratings[target].mean for target in TARGETS] == [1.0, 9.0]
  assert (first.keyword, second.keyword) == ("Crosswalk", "War")


def test_oasis_says_what_it_needs(tmp_path, published):
  with pytest.raises(ratings.RatingsError, match=r"benedekkurdi.*_dir.*not giv"):
    oasis.load("", False)
  with pytest.raises(ratings.RatingsError, match=r"there is no folder .*gone"):
    oasis.load(str(tmp_path / "gone"), False)
  (published / "OASIS.csv").rename(published / "other.csv")
  with pytest.raises(ratings.RatingsError, match=r"images/ and one of .*other.csv"):
    oasis.load(str(published), False)


def test_oasis_real_table(shared_data):
  source = oasis.load(str(shared_data / "oasis"), False)
  assert len(source.rated) == 720 and source.unrated == 0
  assert source.rated == sorted(source.rated, key=lambda entry: entry.image_id)
  valence, arousal = (
    np.array([entry.ratings[target].mean for entry in source.rated])
    for target in TARGETS
  )
  # Variances of the mapped ratings as found with pandas on the same table.
  assert valence.var() == pytest.approx(2.65, abs=0.01)
  assert arousal.var() == pytest.approx(1.23, abs=0.01)
  by_name = {entry.image_id: entry for entry in source.rated}
  acorns = by_name["Acorns 2.jpg"]
  mean, _, raters = _numbers(acorns, "valence")
  assert mean == pytest.approx(1 + (4.519607843 - 1) * 8 / 6)
  assert raters == 102 and acorns.keyword == "Acorns"
