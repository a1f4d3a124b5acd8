"""Tables of single ratings: what is accepted, and how mistakes are told."""

import dataclasses
import json
import pathlib
import re

import numpy as np
import pytest

from emojax.datasets.va_emotion import ratings
from emojax.raters import page, rules, summary
from emojax.raters import ratings as rater_ratings
from emojax.raters.config import RaterConfig
from emojax.utils import errors

HEADER = "worker,image,valence,arousal"
GOOD = f"{HEADER}\na,x.jpg,1,2\n"


def _read(tmp_path, *contents, **changes):
  paths = []
  for i, content in enumerate(contents):
    paths.append(tmp_path / f"{i}.csv")
    data = content if isinstance(content, bytes) else content.encode()
    paths[-1].write_bytes(data)
  settings = dataclasses.replace(RaterConfig(rating_scale=(1, 9)), **changes)
  return rater_ratings.read(paths, settings)


def test_all_columns_of_the_rating_page_are_read(tmp_path):
  text = (
    "image,worker,valence,arousal,seconds,shown_at,previous,approval,keyword\r\n"
    '"b, c.jpg",Ünal,1,9,3.5,2026-11-03T14:05:00.250Z,,99%,sea\r\n'
    'Ωδή.jpg,"two\r\nlines",5,5,,2026-11-03T14:04:00Z,"b, c.jpg",,\r\n'
  )
  table, bad = _read(tmp_path, b"\xef\xbb\xbf" + text.encode())
  assert (table.workers, table.images) == (
    ["Ünal", "two\r\nlines"],
    ["b, c.jpg", "Ωδή.jpg"],
  )
  assert table.valence.tolist() == [1, 5] and table.lines == [2, 3]
  assert table.seconds[0] == 3.5 and np.isnan(table.seconds[1])
  assert table.approval[0] == 99 and np.isnan(table.approval[1])
  assert table.shown_at[0] - table.shown_at[1] == 60.25
  assert table.is_timed and table.order().tolist() == [1, 0]
  assert table.keywords == ["sea", ""] and not bad


def test_several_files_are_one_table(tmp_path):
  table, _ = _read(tmp_path, GOOD, f"arousal,{HEADER[:20]}\n3,b,x.jpg,4\n")
  assert table.workers == ["a", "b"] and table.images == ["x.jpg"]
  assert (table.valence.tolist(), table.arousal.tolist()) == ([1, 4], [2, 3])
  assert not table.is_timed


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("", r"0.csv is empty: expected a header line"),
    (f"{HEADER}\n", "has a header but no ratings"),
    ("worker,image,valence\na,x,1\n", "no column 'arousal': expected worker, image, v"),
    (
      "wrker,image,valence,arousal\na,x,1,1\n",
      "no column 'worker'.*; is 'wrker' your 'worker'. Rename it then",
    ),
    (
      f"{HEADER},secs,mood\na,x,1,1,2,3\n",
      r"not known: 'secs' \(did you mean 'seconds'\?\), 'mood'; known: worker, image, "
      "valence, arousal, seconds, approval.*--ignore_columns=secs,mood",
    ),
    (f"{HEADER},\na,x,1,1,7\n", "not known: one without a name; .*; rename them$"),
    (f"{HEADER},seconds,seconds\na,x,1,1,7,8\n", "2 columns called 'seconds'"),
    (
      f"{HEADER}\na,x,0,10\n",
      "line 2, column valence: expected a rating from 1 to 9 \\(--r",
    ),
    (f"{HEADER}\na,x,0,10\n", "column arousal: expected a rating from 1 to 9 .*got 10"),
    (f"{HEADER}\na,x,5,\n", "column arousal: expected a number, got an empty cell"),
    (f"{HEADER}\na,x,5,nice\n", "column arousal: expected a number, got 'nice'"),
    (f"{HEADER}\na,x,nan,5\n", "column valence: expected a number, got 'nan'"),
    (f"{HEADER}\n ,x,5,5\n", "column worker: expected a worker's name, got nothing"),
    (f"{HEADER}\na,,5,5\n", "column image: expected a picture's name, got nothing"),
    (f"{HEADER}\na,../x,5,5\n", "column image: expected a path below the folder"),
    (f"{HEADER}\na,x,5,5,5\n", "line 2: expected 4 cells as in the header, got 5"),
    (f"{HEADER},seconds\na,x,5,5,-1\n", "column seconds: expected seconds, 0 or more"),
    (
      f"{HEADER},approval\na,x,5,5,101\n",
      "column approval: expected percent, 0 to 100",
    ),
    (
      f"{HEADER},approval\na,x,5,5,0.97\n",
      "looks like a share: multiply the column by",
    ),
    (
      f"{HEADER},shown_at\na,x,5,5,noon\n",
      "expected a time such as 2026-11-03T14:05:0",
    ),
    (b"worker,image,valence,arousal\n\x81,x,5,5\n", "line 2: byte 0x81 is not UTF-8"),
  ],
)
def test_mistakes_are_told_with_file_and_place(tmp_path, text, message):
  with pytest.raises((ratings.RatingsError, errors.UserError), match=message) as error:
    _read(tmp_path, text)
  assert "0.csv" in str(error.value)


def test_many_mistakes_are_listed_and_counted(tmp_path):
  lines = "".join(f"a,p{i},{i},5\n" for i in range(10, 18))
  message = r"line 7, .* got 14; and 3 more; correct them, or .*--skip_bad_rows$"
  with pytest.raises(ratings.RatingsError, match=message):
    _read(tmp_path, f"{GOOD}{lines}")
  with pytest.raises(ratings.RatingsError, match=r"1\.csv, line 3, column valence"):
    _read(tmp_path, GOOD, f"{GOOD}a,y,0,1\n")


def test_bad_rows_are_skipped_and_recorded_on_request(tmp_path):
  text = f"{GOOD}b,x.jpg,0,nice\nb,y.jpg,5,5\n,only bad.jpg,5,5\n"
  table, bad = _read(tmp_path, text, skip_bad_rows=True)
  assert table.lines == [2, 4] and [bad_row.row.line for bad_row in bad] == [3, 5]
  assert "column valence" in bad[0].problem and "column arousal" in bad[0].problem
  assert table.images == ["only bad.jpg", "x.jpg", "y.jpg"]
  assert table.workers == ["a", "b"]


def test_a_table_of_bad_rows_alone_is_an_error(tmp_path):
  with pytest.raises(ratings.RatingsError, match="no row can be used"):
    _read(tmp_path, f"{HEADER}\na,x,0,0\n", skip_bad_rows=True)


def test_other_columns_may_be_ignored_by_name(tmp_path):
  text = f"{HEADER},Mood,\na,x.jpg,1,2,glad,\n"
  table, _ = _read(tmp_path, text, ignore_columns=("mood",))
  assert len(table) == 1


def test_another_scale_stays_as_it_is(tmp_path):
  text = f"{HEADER}\na,x.jpg,0,100\n"
  table, _ = _read(tmp_path, text, rating_scale=(0.0, 100.0))
  assert table.arousal[0] == 100 and table.scales["arousal"] == (0, 100)


def test_each_target_may_have_its_own_scale(tmp_path):
  """One that is not said has the scale of both; each is checked on its own."""
  text = f"{HEADER}\na,x.jpg,-3,9\n"
  table, _ = _read(tmp_path, text, valence_scale=(-3.0, 3.0))
  assert table.scales == {"valence": (-3, 3), "arousal": (1, 9)}
  with pytest.raises(
    ratings.RatingsError, match=r"valence: expected .* to 3 .*, got 9"
  ):
    _read(tmp_path, f"{HEADER}\na,x.jpg,9,9\n", valence_scale=(-3.0, 3.0))
  with pytest.raises(ratings.RatingsError, match="--arousal_scale=1,9; got 4,2"):
    _read(tmp_path, text, arousal_scale=(4.0, 2.0))


_MOMENT = "2026-11-03T14:05:00.250Z"
_OF_PAGE = f"{HEADER},seconds,shown_at\na,x.jpg,1,7,3.5,{_MOMENT}\n"


def test_files_of_the_rating_page_are_on_its_scale(tmp_path):
  code = (pathlib.Path(page.__file__).parent / "rating_page" / "page.js").read_text()
  columns = re.search(r"^const COLUMNS = (.*);$", code, re.MULTILINE)[1]
  assert json.loads(columns) == _OF_PAGE.split("\n")[0].split(",")
  table, _ = _read(tmp_path, _OF_PAGE, _OF_PAGE.replace("a,", "b,"), rating_scale=())
  assert table.scales == {"valence": (1, 9), "arousal": (1, 9)} and not table.notes
  with pytest.raises(ratings.RatingsError, match="expected a rating from 1 to 9 "):
    _read(tmp_path, _OF_PAGE.replace(",1,7", ",0,7"), rating_scale=())


@pytest.mark.parametrize(
  "text",
  [
    f"{HEADER}\na,x.jpg,1,7\n",
    f"{HEADER},seconds,shown_at,keyword\na,x.jpg,1,7,3.5,{_MOMENT},sea\n",
    _OF_PAGE.replace(_MOMENT, "2026-11-03T14:05:00Z"),
  ],
)
def test_a_scale_in_doubt_stops_with_what_it_may_be(tmp_path, text):
  """Whatever a file of the page beside it is on."""
  page_s = _OF_PAGE.replace(",1,7", ",9,9")
  doubt = r"^\S*1.csv: .* valence runs from 1 to 1, arousal runs from 7 to 7\. Say it"
  with pytest.raises(ratings.RatingsError, match=f"{doubt} .*=1,7 or .*=1,9$"):
    _read(tmp_path, page_s, text, rating_scale=())
  table, _ = _read(tmp_path, page_s, text, rating_scale=(1, 9))
  assert len(table) == 2 and not table.notes


def test_ratings_without_a_doubt_are_on_1_to_9_and_it_is_told(tmp_path):
  table, _ = _read(tmp_path, f"{HEADER}\na,x.jpg,8,6\n", rating_scale=())
  assert table.scales["arousal"] == (1, 9) and "read as on 1..9" in table.notes[0]
  text = f"{HEADER}\na,x.jpg,-3,8\n"
  table, _ = _read(tmp_path, text, rating_scale=(), valence_scale=(-3, 3))
  assert table.scales == {"valence": (-3, 3), "arousal": (1, 9)}
  (note,) = table.notes
  assert note.startswith("Ratings of arousal came without a scale")


def test_two_scales_are_kept_drawn_and_passed_on(tmp_path):
  rows = [
    f"w{w},{i},{(w + int(i)) % 7 - 3},{w * int(i) % 7}" for w in range(5) for i in "12"
  ]
  settings = RaterConfig(valence_scale=(-3.0, 3.0), arousal_scale=(0.0, 6.0))
  (tmp_path / "two.csv").write_text("\n".join([HEADER, *rows, ""]))
  table, bad = rater_ratings.read([tmp_path / "two.csv"], settings)
  verdict = rules.apply(table, settings)
  images = rules.images(table, verdict)
  whole = summary.Aggregation(["two.csv"], table, bad, verdict, images, settings)
  coefficients = summary.agreement(whole)
  report = summary.to_json(whole, coefficients, {})
  assert report["rating_scale"] == {"valence": [-3, 3], "arousal": [0, 6]}
  assert (
    "--valence_scale=-3,3 --arousal_scale=0,6 to emojax.train" in report["notes"][0]
  )
  drawn = page.of_ratings(whole, coefficients).figures
  for name in ("means", "plane"):
    valence = drawn[name].axes[0].get_xlim()
    assert valence == pytest.approx((-3, 3), abs=0.5), name
  low, high = drawn["answers"].axes[1].dataLim.intervalx
  assert (low, high) == (-0.5, 6.5)


def test_no_file_a_missing_file_and_one_twice(tmp_path):
  settings = RaterConfig()
  path = tmp_path / "a.csv"
  with pytest.raises(ratings.RatingsError, match="name at least one CSV file"):
    rater_ratings.read([], settings)
  with pytest.raises(ratings.RatingsError, match=r"no file .*a\.csv"):
    rater_ratings.read([path], settings)
  path.write_text(GOOD)
  with pytest.raises(ratings.RatingsError, match=r"a\.csv is named twice"):
    rater_ratings.read([path, tmp_path / "." / "a.csv"], settings)


def _timed(*seconds):
  """A table of one worker's times."""
  rows = "".join(f"a,{i}.jpg,5,5,{time}\n" for i, time in enumerate(seconds))
  return f"{HEADER},seconds\n{rows}"


def test_milliseconds_are_told_from_seconds(tmp_path):
  text = _timed(900, 4210, 8800, "", 100000)
  message = r"0\.csv: the median of the column seconds is 6505, as .*--time_unit=ms"
  with pytest.raises(errors.UserError, match=message):
    _read(tmp_path, text)
  table, _ = _read(tmp_path, text, time_unit="ms")
  assert table.seconds[[0, 1, 2, 4]].tolist() == [0.9, 4.21, 8.8, 100]
  assert np.isnan(table.seconds[3])
  table, _ = _read(tmp_path, text, time_unit="s")
  assert table.seconds[1] == 4210
  # The median counts, so one who went to lunch is no mistake.
  assert _read(tmp_path, _timed(4, 5, 3600))[0].seconds[2] == 3600


def test_files_in_different_units_are_told_by_name(tmp_path):
  """Together their median would be that of either."""
  files = _timed(3, 4, 5, 6, 7), _timed(3000, 4000, 5000)
  with pytest.raises(errors.UserError, match=r"1\.csv: the median .* is 4000, as if"):
    _read(tmp_path, *files)
  with pytest.raises(errors.UserError, match=r"0\.csv: the median .*too little for mi"):
    _read(tmp_path, *files, time_unit="ms")
  few = [_timed(3000), _timed(4000, 5000)]  # too few each to be judged alone
  with pytest.raises(errors.UserError, match=r"all files: the median .* is 4000"):
    _read(tmp_path, *few)


@pytest.mark.parametrize(
  ("cell", "rate"),
  [
    ("100% (31/31)", 100),
    ("97 % ( 30 / 31 )", 97),
    ("96.8 (30/31)", 96.8),
    ("97,5%", 97.5),
    ("99", 99),
    ("1%", 1),
    ("0% (0/0)", np.nan),  # a new worker: nothing was judged yet
    ("0% (0/7)", 0),
  ],
)
def test_approval_rates_as_platforms_write_them(tmp_path, cell, rate):
  table, _ = _read(tmp_path, f'{HEADER},approval\na,x,5,5,"{cell}"\n')
  np.testing.assert_equal(table.approval, [rate])


@pytest.mark.parametrize("cell", ["31/31", "97% (30)", "97 of 100", "0_7", "1e1", "-1"])
def test_what_is_no_approval_rate_is_refused(tmp_path, cell):
  with pytest.raises(ratings.RatingsError, match=r"expected percent such as 97, .*got"):
    _read(tmp_path, f"{HEADER},approval\na,x,5,5,{cell}\n")


def test_shares_beside_percents_are_told_by_file(tmp_path):
  """Their workers would fall below 95 percent without a word."""
  percents = f"{HEADER},approval\na,x,5,5,98\nb,x,5,5,0\n"
  shares = f"{HEADER},approval\nc,x,5,5,0.98\nd,x,5,5,1\n"
  for texts in ((percents, shares), (percents, shares.replace("0.98", "1"))):
    with pytest.raises(errors.UserError, match=r"1\.csv: column approval .* a share"):
      _read(tmp_path, *texts)
  with pytest.raises(errors.UserError, match=r"0\.csv: .* but 0.98 in it looks like"):
    _read(tmp_path, f"{percents}c,x,5,5,0.98\n")
  assert _read(tmp_path, percents)[0].approval.tolist() == [98, 0]


@pytest.mark.parametrize(
  "cell", ["1699020300", "1699020300000", "1699020300.0", "2023-11-03 14:05:00"]
)
def test_times_may_be_counted_from_1970(tmp_path, cell):
  """Python reads the digits of the second as the year 1699."""
  table, _ = _read(tmp_path, f"{HEADER},shown_at\na,x,5,5,{cell}\n")
  assert table.shown_at.tolist() == [1699020300]


@pytest.mark.parametrize("cell", ["16990203001", "45234", "20261103140500", "7"])
def test_numbers_that_are_no_time_are_refused(tmp_path, cell):
  with pytest.raises(ratings.RatingsError, match="column shown_at: expected a time"):
    _read(tmp_path, f"{HEADER},shown_at\na,x,5,5,{cell}\n")


def test_a_picture_under_two_spellings_is_one(tmp_path):
  r"""Backslashes of Windows, letters that a Mac takes apart, and an address."""
  spellings = {
    "set1/Zo\u00eb.jpg": ("set1\\Zo\u00eb.jpg", "./set1//Zoe\u0308.jpg"),
    "https://a.org/x/p.jpg": ("https://a.org//x/p.jpg", "https://a.org/x/./p.jpg"),
  }
  lines = [
    f"w{i},{name},5,5\n"
    for image, others in spellings.items()
    for i, name in enumerate((image, *others))
  ]
  table, _ = _read(tmp_path, f"{HEADER}\n{''.join(lines)}")
  assert table.images == ["https://a.org/x/p.jpg", "set1/Zo\u00eb.jpg"]
  assert table.image.tolist() == [1, 1, 1, 0, 0, 0] and not table.notes


def test_a_worker_under_two_spellings_is_one(tmp_path):
  text = f"{HEADER}\nZo\u00eb,x,5,5\nZoe\u0308,y,5,5\n"
  assert _read(tmp_path, text)[0].workers == ["Zo\u00eb"]


def test_names_that_may_be_one_are_asked_about(tmp_path):
  first = f"{HEADER}\nw1,set1/p0.jpg,5,5\nw1,set1/p1.jpg,5,5\n"
  second = f"{HEADER}\nW1,p0.jpg,5,5\nw2,SET1/p1.jpg,5,5\n"
  table, _ = _read(tmp_path, first, second)
  assert len(table.images) == 4
  images, workers = table.notes
  assert images.startswith("2 pairs of pictures may be two spellings of one and are")
  assert workers.endswith("counted apart, such as 'w1' and 'W1'.")


@pytest.mark.parametrize("unknown", ["", "NA", "n/a", "NaN", "null", "-", "#N/A", "."])
def test_what_is_not_known_is_written_in_many_ways(tmp_path, unknown):
  """R's NA, jsPsych's null, Excel's #N/A: no rating is lost for it."""
  head = f"{HEADER},seconds,approval,shown_at,keyword"
  table, bad = _read(tmp_path, f"{head}\na,x,1,2{f',{unknown}' * 4}\n")
  assert np.isnan([table.seconds[0], table.approval[0], table.shown_at[0]]).all()
  assert table.keywords == [""] and table.valence.tolist() == [1] and not bad


def test_nobody_is_a_worker_called_na(tmp_path):
  """Or all who are not known were one person, whose ratings are duplicates."""
  text = f"{HEADER}\nNA,x,1,2\na,NA,1,2\na,x,NA,2\na,x,1,2\n"
  _, bad = _read(tmp_path, text, skip_bad_rows=True)
  assert [row.problem for row in bad] == [
    "column worker: expected a worker's name, got 'NA'",
    "column image: expected a picture's name, got 'NA'",
    "column valence: expected a number, got 'NA'",
  ]


def test_a_column_that_cannot_be_read_costs_no_ratings(tmp_path):
  """Dropping its rows, as the advice was, would drop ratings for nothing."""
  text = f"{HEADER},seconds\na,x,1,2,soon\nb,x,1,2,3\n"
  message = r"seconds: expected a number, got 'soon'; .*: --ignore_columns=seconds$"
  with pytest.raises(ratings.RatingsError, match=message):
    _read(tmp_path, text)
  table, _ = _read(tmp_path, text, ignore_columns=("seconds",))
  assert len(table) == 2 and np.isnan(table.seconds).all()


def test_many_further_columns_may_be_ignored_at_once(tmp_path):
  more = [f"extra{i}" for i in range(30)]
  text = f"{HEADER},{','.join(more)}\na,x,1,2{',7' * 30}\n"
  with pytest.raises(ratings.RatingsError, match=r"'extra7', and 22 more; .*=all if"):
    _read(tmp_path, text)
  assert len(_read(tmp_path, text, ignore_columns=("ALL",))[0]) == 1


@pytest.mark.parametrize(
  ("scale", "valence", "arousal", "notes"),
  [
    ((1.0, 9.0), (1, 7), (1, 7), ["valence are from 1 to 7", "arousal are from 1 to"]),
    ((1.0, 9.0), (1, 9), (2, 8), []),
    ((-3.0, 6.0), (-3, 3), (0, 6), ["valence are from -3 to 3", "arousal are from 0"]),
  ],
)
def test_a_scale_that_may_be_another_is_told(tmp_path, scale, valence, arousal, notes):
  rng = np.random.default_rng(0)
  values = np.stack(
    [rng.integers(low, high + 1, 120) for low, high in (valence, arousal)]
  )
  lines = [f"a,{i},{v},{a}" for i, (v, a) in enumerate(values.T)]
  text = "\n".join([HEADER, *lines, ""])
  table, _ = _read(tmp_path, text, rating_scale=scale)
  assert len(table.notes) == len(notes)
  for line, part in zip(table.notes, notes, strict=True):
    assert part in line and "--rating_scale" in line
  few, _ = _read(tmp_path, "\n".join([HEADER, *lines[:99], ""]), rating_scale=scale)
  assert not few.notes
