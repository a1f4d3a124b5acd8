"""What the columns of rated pictures are usually called.

In: which targets. Out: `tables.Column`s, with the names that published sets and common
programs use: OASIS (Valence_mean, Theme), IAPS (valmn, valsd), SMID, NAPS, Emotion6.
"""

from collections.abc import Sequence

from emojax.utils import tables

# Names of the picture, likeliest first: a later group counts where an earlier has none.
_IMAGES = (
  (),
  (
    "images",
    "image_id",
    "image_name",
    "image_file",
    "image_filename",
    "image_url",
    "input.image",
    "input.image_url",
    "picture",
    "picture_id",
    "picture_name",
    "picture_file",
    "pic",
    "pic_name",
    "photo",
    "img",
    "img_name",
    "filename",
    "file_name",
    "file",
    "path",
    "url",
    "stimulus",
    "stimulus_name",
    "stim",
    "bild",
    "bildname",
    "datei",
    "dateiname",
  ),
  ("theme", "iaps", "iapsnr", "iaps_number", "name"),
  ("id", "nr", "number", "item"),
)
_STEMS = {  # what else a target is called, and its short forms beside "mean" and "sd"
  "valence": (("valence", "valenz", "val"), ("v",)),
  "arousal": (("arousal", "aro"), ("a",)),
}
# What counts where a table has no column of the usual name.
_OTHER_WORDS = {
  "valence": ("pleasure", "pleasantness"),
  "arousal": ("activation",),
}
_MEAN = ("mean", "mn", "avg", "average", "mittelwert", "mw")
_MEAN_OR_NOT = ("", *_MEAN, "m", "rating", "score")
_STD = ("std", "sd", "stdev", "stddev", "standard_deviation", "standardabweichung")
_RATERS = ("num_raters", "raters", "n", "n_raters", "count")


def image(flag: str = "image_column") -> tables.Column:
  """The column with the pictures' names."""
  return tables.Column("image", _IMAGES, flag)


def rating(target: str, flag: str = "", is_needed: bool = True) -> tables.Column:
  """The column with the mean ratings of a target; none may be unknown.

  Args:
    target: its name.
    flag: names the column; one without goes by the name that --target gives it.
    is_needed: whether the table must have it.
  """
  stems, short = _STEMS.get(target, ((target,), ()))
  names = (*_joined(stems, _MEAN_OR_NOT), *_joined(short, _MEAN))
  others = _joined(_OTHER_WORDS.get(target, ()), _MEAN_OR_NOT)
  flag = flag or "target"
  return tables.Column(target, (names, others), flag, is_needed, True, False)


def spread(target: str, flag: str = "") -> tables.Column:
  """The column with the standard deviations over raters of a target."""
  stems, short = _STEMS.get(target, ((target,), ()))
  field = f"{target}_std"
  others = _joined(_OTHER_WORDS.get(target, ()), _STD)
  return tables.Column(
    field,
    (_joined((*stems, *short), _STD), others),
    flag,
    is_needed=False,
    is_number=True,
  )


def raters(target: str = "") -> tables.Column:
  """The column that counts raters: of a target, or of the picture."""
  if not target:
    return tables.Column(
      "num_raters", (_RATERS,), "num_raters_column", is_needed=False, is_number=True
    )
  stems, _ = _STEMS.get(target, ((target,), ()))
  names = _joined(stems, _RATERS)
  return tables.Column(
    f"{target}_num_raters", (names,), is_needed=False, is_number=True
  )


def keyword(flag: str = "keyword_column") -> tables.Column:
  """The column that says in a word what a picture shows."""
  return tables.Column("keyword", flag=flag, is_needed=False)


def _joined(stems: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
  """Stem and word in either order: valence_mean, mean_valence."""
  pairs = [(stem, word) for stem in stems for word in words]
  return tuple(
    name for a, b in pairs for name in dict.fromkeys((f"{a}_{b}", f"{b}_{a}"))
  )
