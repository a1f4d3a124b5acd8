"""Tables as people have them: read alike, or refused with both readings."""

import codecs
import datetime
import os
import pathlib
import zipfile

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emojax.utils import files, tables

COLUMNS = (
  tables.Column("image", ((), ("filename", "picture"), ("id",)), "image_column"),
  tables.Column(
    "valence", (("valence_mean", "valmn"),), "valence_column", is_number=True
  ),
  tables.Column("std", is_needed=False, is_number=True),
  tables.Column("keyword", is_needed=False),
)
PLAIN = [
  {"image": "Z\u00fcrich, 1.jpg", "valence": "3.5", "std": "1.25", "keyword": "city"},
  {"image": "b.jpg", "valence": "4", "std": "", "keyword": ""},
]


def _read(tmp_path, content: str | bytes, name="t.csv", **named) -> tables.Table:
  path = tmp_path / name
  path.write_bytes(content if isinstance(content, bytes) else content.encode())
  return tables.read(path, COLUMNS, named)


COMMAS = 'image,valence,std,keyword\n"Z\u00fcrich, 1.jpg",3.5,1.25,city\nb.jpg,4,,\n'
GERMAN = "image;valence;std;keyword\r\nZ\u00fcrich, 1.jpg;3,5;1,25;city\r\nb.jpg;4\r\n"
TABS = (
  "image\tvalence\tstd\tkeyword\nZ\u00fcrich, 1.jpg\t3,5\t1,25\tcity\nb.jpg\t4\t\t\n"
)


@pytest.mark.parametrize(
  ("content", "assumed"),
  [
    (COMMAS, ()),
    (codecs.BOM_UTF8 + COMMAS.encode(), ()),
    (COMMAS.encode("utf-16"), ()),
    (codecs.BOM_UTF16_BE + COMMAS.encode("utf-16-be"), ()),
    (COMMAS.encode("utf-16-le"), ("UTF-16",)),
    (COMMAS.encode("utf-32"), ()),
    (COMMAS.encode("cp1252"), ("Windows-1252",)),
    (COMMAS.replace("\n", "\r"), ()),
    (COMMAS.replace("\n", ",,\n"), ()),  # commas at every line's end
    ("\n\n" + COMMAS + "\n,,,\n", ()),
    (GERMAN, ("semicolons between cells", "decimal commas")),
    ("sep=;\r\n" + GERMAN, ("decimal commas",)),
    (
      GERMAN.encode("cp1252"),
      ("Windows-1252", "semicolons between cells", "decimal commas"),
    ),
    (TABS.encode("utf-16"), ("tabs between cells", "decimal commas")),
    (
      COMMAS.replace("3.5,1.25", '"3,5","1,25"'),
      ("decimal commas",),
    ),
    (
      COMMAS.replace("image,valence", "Filename,Valence Mean"),
      ("image from the column 'Filename'", "valence from the column 'Valence Mean'"),
    ),
    (COMMAS.replace("image,valence", " IMAGE ,Valence"), ()),
    (COMMAS.replace("4,,", "4,#DIV/0!,"), ()),
    (COMMAS.replace("4,,", "4,n/a,"), ()),
    (COMMAS.replace("4,,", "4,.,"), ()),
    (COMMAS.replace("4,,", "4,#NV,"), ()),
    (COMMAS.replace("4,,", "4,NaN,"), ()),
  ],
)
def test_one_table_in_many_forms(tmp_path, content, assumed):
  table = _read(tmp_path, content)
  assert [dict(line.cells) for line in table.lines] == PLAIN
  assert table.assumed == assumed
  line = table.assumption()
  assert line.startswith(f"{table.path}: read with ") if assumed else line == ""


def test_lines_are_those_of_the_file(tmp_path):
  table = _read(tmp_path, 'sep=,\n\nimage,valence\n"a\nb",1\n\nc,2\n')
  assert [line.number for line in table.lines] == [4, 7]
  assert table.lines[0].cells["image"] == "a\nb"


@pytest.mark.parametrize(
  ("content", "message"),
  [
    (
      "image,valence\na,3,5\n",
      "expected 2 cells as in the header, got 3; a cell with c",
    ),
    ("image,valence\na,3,5\n", r"or, if commas stand in numbers too \(3,5\), save the"),
    ("image;valence\na;b;5\n", "got 3; a cell with semicolons in it needs quotes"),
    (
      "image,std\na,3\n",
      "no column 'valence': expected image, valence, got image, std",
    ),
    ("image,valenec\na,3\n", "is 'valenec' your 'valence'.*--valence_column"),
    ("image,valence,valence\na,1,2\n", "2 columns called 'valence'"),
    (
      "image,valmn,Valence_mean\na,1,2\n",
      "could be the valence: 'valmn' .first '1'. or 'Valence_mean' .first '2'.; name "
      "one with --valence_column",
    ),
    ("image,valence,valmn\na,1,2\n", "'valence' .first '1'. or 'valmn' .first '2'"),
    (
      "filename,picture,valence\na,b,2\n",
      "could be the image: 'filename' .*'picture' .*--image_column",
    ),
    (
      'image;valence\na;"3,5"\nb;4.5\n',
      "'3,5' .line 2, valence., and with a point, '4.5' .line 3, valence.: which one",
    ),
    (
      'image,valence\na,"3,125"\n',
      "may be 3.125 or 3125; write it with a decimal point",
    ),
    ("image,valence\n", "has a header but no ratings"),
    ("", "is empty"),
    (b"\xd0\xcf\x11\xe0rest", "an Excel file of before 2007: save it as .xlsx or CSV"),
    (b"$FL2rest", "an SPSS file: export it as CSV"),
    (b"PAR1rest", "a Parquet file"),
    (b"PK\x03\x04rest", "cannot be read as an .xlsx file"),
    (b"\x00\x01\x02\xff\xfe\xd8", "is no text, neither UTF-8 nor UTF-16"),
    (b"image,valence\n\x81,1\n", "line 2: byte 0x81 is not UTF-8, nor .*Windows-1252"),
    ('image,valence\na,"1\n', "line 2: not CSV"),
  ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, content, message):
  with pytest.raises(tables.TableError, match=message) as error:
    _read(tmp_path, content)
  assert "t.csv" in str(error.value) and "\n" not in str(error.value)


def test_a_column_that_is_named_is_taken(tmp_path):
  both = "image,valmn,Valence_mean\na,1,2\n"
  table = _read(tmp_path, both, valence="valence_MEAN")
  assert table.lines[0].cells["valence"] == "2" and table.assumed == ()
  assert table.columns["valence"] == "Valence_mean" and table.others == ("valmn",)
  with pytest.raises(tables.TableError, match="no column 'v', which --valence_column"):
    _read(tmp_path, both, valence="v")


def test_of_two_columns_the_one_with_numbers_is_meant(tmp_path):
  table = _read(tmp_path, "id,valence,valmn\n7,good,2\n8,bad,3\n")
  assert [line.cells["valence"] for line in table.lines] == ["2", "3"]
  assert table.assumed == (
    "image from the column 'id'",
    "valence from the column 'valmn'",
  )
  same = _read(tmp_path, "image,valence,valmn\na,2,2\n")
  assert same.lines[0].cells["valence"] == "2"


def test_a_needed_number_stays_as_it_is(tmp_path):
  """So that the program can say what came."""
  assert _read(tmp_path, "image,valence\na,NA\n").lines[0].cells["valence"] == "NA"


@pytest.mark.parametrize(
  ("cell", "value"),
  [("7", 7), ("-0.5", -0.5), ("+2.", 2), (".5", 0.5), ("1e2", 100), ("\u22123", -3)],
)
def test_numbers(cell, value):
  assert tables.number(cell) == value


@pytest.mark.parametrize(
  "cell",
  [
    "0_7",
    "inf",
    "nan",
    "\uff17",
    "\u0667",
    "0x7",
    "1.234,5",
    "3,5",
    "7 %",
    "1e999",
    "",
  ],
)
def test_what_is_no_number(cell):
  with pytest.raises(ValueError, match="expected a number, got"):
    tables.number(cell)


def _book(path: pathlib.Path, **sheets: list[list]) -> None:
  book = openpyxl.Workbook()
  book.remove(book.active)
  for title, rows in sheets.items():
    sheet = book.create_sheet(title)
    for row in rows:
      sheet.append(row)
  book.save(path)


def test_a_spreadsheet(tmp_path):
  path = tmp_path / "t.xlsx"
  rows = [
    ["image", "valence", "std", "keyword"],
    ["Z\u00fcrich, 1.jpg", 3.5, 1.25, "city"],
  ]
  _book(path, notes=[["hello"]], ratings=[*rows, [], ["b.jpg", 4]], empty=[])
  table = tables.read(path, COLUMNS)
  assert [dict(line.cells) for line in table.lines] == PLAIN
  assert [line.number for line in table.lines] == [2, 4]
  assert table.assumed == ("sheet 'ratings'",)


def test_a_spreadsheet_s_values_are_those_of_csv(tmp_path):
  """Names that are numbers, an error, a date that Excel made of 3.5."""
  path = tmp_path / "t.xlsx"
  date = datetime.datetime(2026, 5, 3)
  rows = [[1001, 3, "#DIV/0!"], [4621.1, date, "1,5"], ["c", "3,5", None]]
  _book(path, a=[["image", "valence", "std"], *rows])
  table = tables.read(path, COLUMNS)
  cells = [tuple(line.cells.values()) for line in table.lines]
  assert cells == [
    ("1001", "3", ""),
    ("4621.1", "2026-05-03T00:00:00", "1.5"),
    ("c", "3.5", ""),
  ]


_CELLS = st.text("'=+-@,;\"\n a1\uff1d", min_size=1, max_size=6).map(str.strip)


@given(st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=4))
@example([("=1+1.png", "@city"), ("'-5", "'tis")])
def test_what_emojax_wrote_is_read_exactly(tmp_path_factory, rows):
  path = tmp_path_factory.mktemp("written") / "t.csv"
  head = ("image", "valence", "keyword")
  files.write(path, files.csv_text([head, *((i, -1.5, k) for i, k in rows)]))
  read = [line.cells for line in tables.read(path, COLUMNS).lines]
  assert [(cells["image"], cells["keyword"]) for cells in read] == rows
  assert {cells["valence"] for cells in read} == {"-1.5"}


def test_spreadsheets_that_do_not_say_what_is_meant(tmp_path):
  path = tmp_path / "t.xlsx"
  sheet = [["image", "valence"], ["a", 1]]
  _book(path, first=sheet, second=sheet)
  with pytest.raises(
    tables.TableError, match=r"several sheets .*'first' .image, valence. o"
  ):
    tables.read(path, COLUMNS)
  _book(path, none=[])
  with pytest.raises(tables.TableError, match="is empty"):
    tables.read(path, COLUMNS)
  _book(path, first=sheet)
  path.write_bytes(path.read_bytes()[:-400])
  with pytest.raises(tables.TableError, match=r"cannot be read as an .xlsx file"):
    tables.read(path, COLUMNS)


def _pipe(path: pathlib.Path) -> None:
  os.mkfifo(path)


def _hole(path: pathlib.Path) -> None:
  with path.open("wb") as file:
    file.truncate(2**33)  # takes no space


def _far_cell(path: pathlib.Path) -> None:
  """A few bytes that claim every cell that a sheet can have."""
  _book(path, a=[["image", "valence"]])
  sheet, row = "xl/worksheets/sheet1.xml", b'<row r="1048576"></row></sheetData>'
  _repacked(path, sheet, b"A1:B1", b"A1:XFD1048576")
  _repacked(path, sheet, b"</sheetData>", row)


def _bomb(path: pathlib.Path) -> None:
  _book(path, a=[["image", "valence"]])
  _repacked(path, "xl/styles.xml", b"<styleSheet", bytes(2**29) + b"<styleSheet")


def _repacked(path: pathlib.Path, name: str, old: bytes, new: bytes) -> None:
  """Replaces a part of a member of an archive."""
  with zipfile.ZipFile(path) as archive:
    members = {member: archive.read(member) for member in archive.namelist()}
  assert old in members[name]
  with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    for member, content in members.items():
      changed = content.replace(old, new, 1) if member == name else content
      archive.writestr(member, changed)


@pytest.mark.parametrize(
  ("make", "message"),
  [
    (_pipe, "is no regular file"),
    (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
    (_hole, "has 8,590 MB, more than 64 of a table"),
    (_far_cell, "claims more than 50,000,000 cells"),
    (_bomb, "would unpack to 537 MB"),
  ],
)
def test_what_would_take_time_or_memory_is_refused_at_once(tmp_path, make, message):
  make(tmp_path / "t.xlsx")
  with pytest.raises(tables.TableError, match=f"t.xlsx {message}"):
    tables.read(tmp_path / "t.xlsx", COLUMNS)
