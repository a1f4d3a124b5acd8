"""Tables as LaTeX: what TeX takes for a command is text, and columns are aligned."""

from emojax.pages import latex, page

_ROWS = [["entry", "", "r"], ["a_b & c", "x", "0.5 [0.4, 0.6]"], ["  ridge", "", ""]]


def test_a_table_is_a_whole_environment():
  """By hand, as the booktabs manual has it."""
  text = latex.table([*_ROWS, ["", "[y]", "nan"]], "50 % of {x}")
  assert text.splitlines() == [
    r"% In the preamble: \usepackage{booktabs}",
    r"\begin{table}",
    r"\centering",
    r"\caption{50 \% of \{x\}}",
    r"\begin{tabular}{llr}",
    r"\toprule",
    r"entry &  & r \\",
    r"\midrule",
    r"a\_b \& c & x & 0.5 [0.4, 0.6] \\",
    r"\quad ridge &  &  \\",
    r" & {[y]} & nan \\",
    r"\bottomrule",
    r"\end{tabular}",
    r"\end{table}",
  ]


def test_a_long_table_breaks_between_pages():
  text = latex.table([["a"], *[["1"]] * 60], "c")
  assert r"\begin{longtable}{l}" in text and "tabular" not in text


def test_backslashes_and_lines_of_names_are_text():
  expected = r"\textbackslash{}x\textasciicircum{} \textasciitilde{}"
  assert latex.escaped("\\x^\n~") == expected


def test_files_of_tables_are_named_by_captions(tmp_path):
  """Two of one caption, one of other letters, and one of none."""
  captions = ["Scores: é/b", "Scores: é/b", "写", "../x"]
  tables = [page.Table(caption, _ROWS) for caption in captions]
  page.write(tmp_path, page.Page("t", [], [page.Section("s", tables=tables)], {}))
  names = {path.name for path in tmp_path.iterdir()}
  expected = {"scores-e-b.tex", "scores-e-b-2.tex", "table.tex", "x.tex"}
  assert names == expected | {"index.html"}
