"""Tables of 10,000 ratings as programs export them: right, or one clear line, fast."""

import csv
import dataclasses
import datetime
import io

import numpy as np
import openpyxl
import pytest

from emojax.raters import ratings, rules
from emojax.raters.config import RaterConfig
from emojax.utils import errors, tables

_WORKERS, _IMAGES = 50, 200
_INFERRED = "Ratings of valence and arousal came without a scale: read as on 1..9."
_EVERYTHING = RaterConfig(ignore_columns=("all",))


@pytest.fixture(scope="module")
def answers():
  """(10,000, 2) valence and arousal; (10,000,) milliseconds, -1 where not measured."""
  rng = np.random.default_rng(0)
  number = _WORKERS * _IMAGES
  times = np.where(rng.random(number) < 0.1, -1, rng.integers(900, 9000, number))
  return rng.integers(1, 10, (number, 2)), times


def _rows(answers):
  """Worker's number, picture's number, valence, arousal, milliseconds or None."""
  values, times = answers
  for i, ((valence, arousal), ms) in enumerate(zip(values, times, strict=True)):
    yield i // _IMAGES, i % _IMAGES, valence, arousal, None if ms < 0 else int(ms)


def _csv(rows, separator=",", **options):
  text = io.StringIO(newline="")
  csv.writer(text, delimiter=separator, **options).writerows(rows)
  return text.getvalue()


def _read(path, settings):
  return ratings.read([path], settings)


def _check(table, answers, image, approval=np.nan):
  """All is read as it was meant; pictures' names and times included."""
  values, times = answers
  assert len(table) == len(values) and len(table.workers) == _WORKERS
  assert table.images == sorted(map(image, range(_IMAGES)))
  np.testing.assert_array_equal(table.valence, values[:, 0])
  np.testing.assert_array_equal(table.arousal, values[:, 1])
  seconds = np.where(times < 0, np.nan, times / 1000)
  np.testing.assert_allclose(table.seconds, seconds, atol=1e-9)
  np.testing.assert_array_equal(table.approval, np.full(len(values), approval))
  means = rules.images(table, rules.apply(table, RaterConfig())).mean["valence"]
  order = np.argsort([image(i) for i in range(_IMAGES)])
  expected = values[:, 0].reshape(_WORKERS, _IMAGES).mean(axis=0)
  np.testing.assert_allclose(means, expected[order])


def _refused(path, settings):
  """The one line that says why."""
  with pytest.raises((tables.TableError, errors.UserError)) as caught:
    _read(path, settings)
  line = str(caught.value)
  assert "\n" not in line and str(path) in line and len(line) < 600
  return line


def test_excel_in_german(tmp_path, answers):
  """Semicolons, decimal commas, backslashes, #NV, a nameless last column."""
  rows = [["Worker", "Image", "Valence", "Arousal", "Approval", "Seconds", ""]]
  for worker, image, valence, arousal, ms in _rows(answers):
    seconds = "#NV" if ms is None else f"{ms / 1000:g}".replace(".", ",")
    name = rf"Bilder\Zoë {image}.jpg"
    rows.append([f"VP{worker}", name, valence, arousal, "97,5 %", seconds, ""])
  path = tmp_path / "ratings.csv"
  path.write_bytes(_csv(rows, ";").encode("utf-8-sig"))
  table, _ = _read(path, RaterConfig())
  _check(table, answers, lambda i: f"Bilder/Zoë {i}.jpg", approval=97.5)
  assert table.notes == [
    f"{path}: read with semicolons between cells; decimal commas",
    _INFERRED,
  ]


@pytest.mark.slow
def test_excel_s_own_format(tmp_path, answers):
  """Numbers as numbers, moments as moments, empty cells left out."""
  book = openpyxl.Workbook(write_only=True)
  sheet = book.create_sheet("ratings")
  sheet.append(["worker", "image", "valence", "arousal", "shown_at", "seconds"])
  start = datetime.datetime(2026, 11, 3, 14, 5)
  for i, (worker, image, valence, arousal, ms) in enumerate(_rows(answers)):
    moment = start + datetime.timedelta(seconds=i)
    cells = [worker, f"{image}.jpg", int(valence), int(arousal), moment]
    sheet.append(cells if ms is None else [*cells, ms / 1000])
  path = tmp_path / "ratings.xlsx"
  book.save(path)
  table, _ = ratings.read([path], RaterConfig())
  _check(table, answers, lambda i: f"{i}.jpg")
  assert table.is_timed and table.shown_at[-1] - table.shown_at[0] == 9999


def test_r(tmp_path, answers):
  """write.csv: row numbers, text in quotes, NA."""
  head = ["", "worker", "image", "valence", "arousal", "seconds", "keyword"]
  rows = [head]
  for i, (worker, image, valence, arousal, ms) in enumerate(_rows(answers), start=1):
    seconds = "NA" if ms is None else f"{ms / 1000:.15g}"
    cells = [f"w{worker}", f"set/{image}.jpg", int(valence), int(arousal), seconds]
    rows.append([str(i), *cells, "NA"])
  path = tmp_path / "ratings.csv"
  path.write_text(_csv(rows, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"))
  table, _ = _read(path, RaterConfig())
  _check(table, answers, lambda i: f"set/{i}.jpg")
  note, scale = table.notes
  assert scale == _INFERRED
  assert note.endswith("its first column, which has no name, taken for row numbers")
  assert not any(table.keywords)


def test_mechanical_turk(tmp_path, answers):
  """A batch's results: thirty columns of its own, addresses, counted approval."""
  own = ["HITId", "HITTypeId", "Title", "Description", "Reward", "AssignmentId"]
  own += [f"Further{i}" for i in range(20)]
  head = [*own, "WorkerId", "WorkTimeInSeconds", "LifetimeApprovalRate"]
  head += ["Input.image_url", "Answer.arousal", "Answer.valence", "Approve", "Reject"]
  rows = [head]
  for worker, image, valence, arousal, ms in _rows(answers):
    cells = [f"A{worker}X", "" if ms is None else ms / 1000, "100% (31/31)"]
    address = f"https://example.org//set1/{image}.jpg"
    rows.append(["x, y"] * len(own) + [*cells, address, arousal, valence, "", ""])
  path = tmp_path / "Batch_results.csv"
  path.write_text(_csv(rows, quoting=csv.QUOTE_ALL))
  line = _refused(path, RaterConfig())
  assert "'hitid', " in line and line.endswith(
    "and 20 more; known: worker, image, valence, arousal, seconds, approval, shown_at, "
    "keyword, previous; rename them, or pass --ignore_columns=all if they do not matter"
  )
  table, _ = _read(path, _EVERYTHING)
  _check(table, answers, lambda i: f"https://example.org/set1/{i}.jpg", approval=100)
  note, scale = table.notes
  assert scale == _INFERRED
  assert "worker from the column 'WorkerId'" in note and "'Answer.valence'" in note


def test_jspsych(tmp_path, answers):
  """All trials, also of instructions; null; response times in milliseconds."""
  head = ["rt", "stimulus", "response", "trial_type", "trial_index", "time_elapsed"]
  rows = [[*head, "subject", "valence", "arousal"]]
  for i, (worker, image, valence, arousal, ms) in enumerate(_rows(answers)):
    if image == 0:
      rows.append([812, "", "null", "instructions", 0, 812, f"s{worker}", "", ""])
    trial = ["null" if ms is None else ms, f"img/{image}.jpg", '{"valence": 1}']
    trial += ["survey-likert", image + 1, 900 * i]
    rows.append([*trial, f"s{worker}", valence, arousal])
  path = tmp_path / "jspsych.csv"
  path.write_text(_csv(rows, quoting=csv.QUOTE_ALL))
  settings = RaterConfig()
  for changes, message in (
    (
      {"ignore_columns": ("all",)},
      "not known: 'response', 'trial_type', 'trial_index'",
    ),
    (
      {"skip_bad_rows": True},
      "line 2, column image: expected a picture's name, got no",
    ),
    ({"time_unit": "ms"}, "as if these were milliseconds: pass --time_unit=ms"),
  ):
    assert message in _refused(path, settings)
    settings = dataclasses.replace(settings, **changes)
  table, bad = _read(path, settings)
  _check(table, answers, lambda i: f"img/{i}.jpg")
  assert len(bad) == _WORKERS


def test_qualtrics(tmp_path, answers):
  """Three lines of header, of which a question has two lines itself."""
  own = ["StartDate", "EndDate", "Status", "Finished"]
  head = [*own, "ResponseId", "image", "valence", "arousal", "seconds"]
  ids = [f'{{"ImportId":"QID{i}"}}' for i in range(len(head))]
  questions = [*own, "Response ID", "image", "How pleasant\nis it?", "And", "Timing"]
  rows = [head, questions, ids]
  for worker, image, valence, arousal, ms in _rows(answers):
    cells = ["2026-11-03 14:05:00"] * 2 + ["0", "1", f"R_{worker}", f"{image}.jpg"]
    rows.append([*cells, valence, arousal, "" if ms is None else ms / 1000])
  path = tmp_path / "qualtrics.csv"
  path.write_bytes(_csv(rows).encode("utf-8-sig"))
  assert "'startdate', 'enddate', 'status', 'finished'" in _refused(path, RaterConfig())
  table, bad = _read(path, _EVERYTHING)
  _check(table, answers, lambda i: f"{i}.jpg")
  assert table.lines[0] == 5 and not bad
  assert "2 further lines of Qualtrics' header left out" in table.notes[0]


def test_qualtrics_with_a_column_for_each_picture(tmp_path):
  """Such a table would have to be made long first."""
  head = ["ResponseId", *(f"{i}_{t}" for i in range(_IMAGES) for t in ("val", "aro"))]
  rows = [[f"R_{i}", *([5] * 2 * _IMAGES)] for i in range(_WORKERS)]
  path = tmp_path / "wide.csv"
  path.write_text(_csv([head, *rows]))
  line = _refused(path, RaterConfig())
  assert "no column 'image', 'valence', 'arousal'" in line and "0_val" in line
