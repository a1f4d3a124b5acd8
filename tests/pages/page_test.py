"""What a page makes of texts, and a plane of numbers."""

import base64

import pytest

from emojax.pages import figures, page, plane


@pytest.mark.parametrize(
  ("text", "shown"),
  [
    ("../x.csv: read with a; b", "x.csv: read with a; b"),
    ("in (a/b/../../c/d.png), and ../../e", "in (c/d.png), and e"),
    ("wait.../x, a../b and <b>..", "wait.../x, a../b and &lt;b&gt;.."),
  ],
)
def test_no_way_up_from_a_folder_is_on_a_page(text, shown):
  assert f"<p>{shown}</p>" in page.render("t", [], [page.Section("s", [text])])


def test_a_page_of_sections_has_its_contents():
  sections = [page.Section("First"), page.Section("Second")]
  text = page.render("t", [], sections)
  assert '<a href="#part-2">Second</a>' in text and 'id="part-2"' in text
  assert "<nav" not in page.render("t", [], sections[:1])


def test_a_figure_s_file_is_what_the_page_shows(tmp_path):
  figure = figures.histograms({"valence": [2.0, 5.0]})
  shown = page.drawn(figure, "ratings")
  other = figures.histograms({"valence": [2.0, 7.0]})  # which the page does not show
  drawn = {"shown": figure, "other": other}
  content = page.Page("t", [], [page.Section("s", figures=[shown])], drawn)
  page.write(tmp_path, content)
  file = (tmp_path / "shown.png").read_bytes()
  assert shown.source == "data:image/png;base64," + base64.b64encode(file).decode()
  assert (tmp_path / "other.png").read_bytes() not in (b"", file)


@pytest.mark.parametrize(
  ("scale", "ticks"),
  [
    ((1, 9), list("123456789")),
    ((0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
    ((0, 100), ["0", "20", "40", "60", "80", "100"]),
    ((-3, 3), ["-3", "-2", "-1", "0", "1", "2", "3"]),
  ],
)
def test_an_axis_has_ticks_of_its_scale(scale, ticks):
  axis = plane.Axis("mood", scale)
  assert [text for text, _ in axis.ticks] == ticks
  assert axis.ticks[0][1] == 0 and axis.ticks[-1][1] == 100
  assert axis.percent(scale[1] + 1) == 100  # networks may say more than the scale has


def test_words_are_those_of_the_papers_plane_only():
  axes = [plane.Axis(name, (0, 1)) for name in ("valence", "arousal")]
  upper_left, _, _, lower_right = plane.Plane(*axes, []).words
  assert "afraid" in upper_left and "serene" in lower_right
  assert plane.Plane(axes[1], axes[0], []).words == []


def test_a_point_says_its_numbers_and_intervals():
  axes = [plane.Axis("valence", (1, 9)), plane.Axis("arousal", (0, 1))]
  point = plane.Point("a.png", (5.04, 0.5), ((4, 6.16), ()), ["", "2"])
  drawn = plane.Plane(*axes, [point], ["x", "y"], csv="é")
  assert drawn.described(point) == "a.png: valence 5.0 (4.0 to 6.2), arousal 0.50, y 2"
  assert drawn.csv_address.endswith("base64,w6k=")
