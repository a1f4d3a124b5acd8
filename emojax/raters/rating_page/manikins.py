"""Little figures for the two rating scales, drawn from a few numbers.

In: a level, 1 to 9. Out: the inside of an SVG picture, `VIEW_BOX` large, and what the
levels are called. The idea, a figure instead of a number, is that of the
Self-Assessment Manikin (Bradley and Lang, J. Behav. Ther. Exp. Psychiatry 25(1), 1994);
the figures are emojax's own. Valence is posture and mouth: hanging arms and a frown
become raised arms and a smile. Arousal is what surrounds a figure with a straight face:
eyes open and a burst grows. Neither scale uses colour, which has a pleasantness of its
own.
"""

import math

LEVELS = range(1, 10)
SIDE = 56  # of the square picture, in its own units
VIEW_BOX = f"0 0 {SIDE} {SIDE}"
VALENCE_WORDS = (
  "very unpleasant",
  "unpleasant",
  "rather unpleasant",
  "slightly unpleasant",
  "neither unpleasant nor pleasant",
  "slightly pleasant",
  "rather pleasant",
  "pleasant",
  "very pleasant",
)
AROUSAL_WORDS = (
  "very calm",
  "calm",
  "rather calm",
  "slightly calm",
  "neither calm nor excited",
  "slightly excited",
  "rather excited",
  "excited",
  "very excited",
)

_MIDDLE = SIDE / 2
_POINTS = 14  # of the burst


def valence(level: int) -> str:
  """A figure that feels as unpleasant (1) or pleasant (9) as `level` says.

  Args:
    level: 1 to 9.
  Returns:
    SVG elements for a picture of `VIEW_BOX`, of the classes `body`, `line`, `arm`,
    `eye`, `dot` and `burst`, whose strokes and fills are the page's to choose.
  Raises:
    ValueError: `level` is not on the scale.
  """
  mood = _unit(level) * 2 - 1  # -1 to 1
  head_y = 18.0 - 3 * mood  # the head hangs, then is held high
  shoulder_y = head_y + 18 - 1.5 * mood
  raised = math.radians(60 * mood - 18)
  parts = []
  for side in (-1, 1):
    hand_x = _MIDDLE + side * (11 + 12 * math.cos(raised))
    hand_y = shoulder_y + 4 - 12 * math.sin(raised)
    arm = f"M{_n(_MIDDLE + side * 11)} {_n(shoulder_y + 4)}L{_n(hand_x)} {_n(hand_y)}"
    parts.append(f'<path class="line arm" d="{arm}"/>')
  parts += [_torso(shoulder_y), _head(head_y, 13.5)]
  for side in (-1, 1):
    eye_x = _MIDDLE + side * 5
    parts.append(_disc(eye_x, head_y - 2, 1.9))
    if mood < 0:  # the inner ends of the brows rise in distress
      inner, outer = head_y - 6.5 + 1.8 * mood, head_y - 6.5 - 2 * mood
      brow = f"M{_n(eye_x - side * 2.6)} {_n(inner)}L{_n(eye_x + side * 3)} {_n(outer)}"
      parts.append(f'<path class="line" d="{brow}"/>')
  ends_y, bow = head_y + 5.5 - 2.2 * mood, 9 * mood
  mouth = f"M{_n(_MIDDLE - 7)} {_n(ends_y)}q7 {_n(bow)} 14 0"
  parts.append(f'<path class="line" d="{mouth}{"z" if mood == 1 else ""}"/>')
  return "".join(parts)


def arousal(level: int) -> str:
  """A figure that is as calm (1) or excited (9) as `level` says.

  Args:
    level: 1 to 9.
  Returns:
    As for `valence`.
  Raises:
    ValueError: `level` is not on the scale.
  """
  energy = _unit(level)
  head_y = 27.0 - 3 * energy  # sunk in itself, then stretched
  parts = [_burst(energy, head_y + 4), _torso(head_y + 13, 0.8), _head(head_y, 10.5)]
  for side in (-1, 1):
    eye_x = _MIDDLE + side * 4.2
    if energy < 0.25:  # asleep, then drowsy
      lid = f"M{_n(eye_x - 2.4)} {_n(head_y - 1)}q2.4 {_n(2.6 - 8 * energy)} 4.8 0"
      parts.append(f'<path class="line" d="{lid}"/>')
    else:
      wide = 1.2 + 2.4 * energy
      parts.append(
        f'<circle class="eye" cx="{_n(eye_x)}" cy="{_n(head_y - 1.5)}" r="{_n(wide)}"/>'
      )
      parts.append(_disc(eye_x, head_y - 1.5, 1.2))
  if energy <= 0.5:
    mouth = f"M{_n(_MIDDLE - 3)} {_n(head_y + 5)}h6"
    parts.append(f'<path class="line" d="{mouth}"/>')
  else:  # a round mouth: neither a smile nor a frown
    open_y = 0.8 + 3.2 * (energy - 0.5)
    parts.append(
      f'<ellipse class="eye" cx="{_n(_MIDDLE)}" cy="{_n(head_y + 5.2)}" rx="2" '
      f'ry="{_n(open_y)}"/>'
    )
  return "".join(parts)


def _burst(energy: float, centre_y: float) -> str:
  """What bursts from an excited figure: uneven points, longer with every level.

  Uneven and dark, so that nobody takes the figure for a shining sun.
  """
  if energy == 0:
    return ""
  corners = []
  for i in range(2 * _POINTS):
    angle = math.pi * i / _POINTS - math.pi / 2
    reach = 12 + 3 * energy
    if i % 2 == 0:
      reach = 12.5 + (15 if i % 4 == 0 else 10) * energy
    x = _MIDDLE + reach * math.cos(angle)
    y = centre_y + reach * math.sin(angle)
    corners.append(f"{_n(x)} {_n(y)}")
  return f'<path class="burst" d="M{"L".join(corners)}z"/>'


def _unit(level: int) -> float:
  """A level as 0 to 1."""
  if level not in LEVELS:
    raise ValueError(f"a level is 1 to 9, not {level!r}")
  return (level - 1) / 8


def _torso(top: float, size: float = 1.0) -> str:
  """Shoulders and chest, cut off by the picture's lower edge."""
  half = 11 * size
  left, right = _MIDDLE - half, _MIDDLE + half
  round_y = top + 8 * size
  return (
    f'<path class="body" d="M{_n(left)} {SIDE}V{_n(round_y)}Q{_n(left)} {_n(top)} '
    f'{_n(_MIDDLE)} {_n(top)}Q{_n(right)} {_n(top)} {_n(right)} {_n(round_y)}V{SIDE}"/>'
  )


def _head(y: float, radius: float) -> str:
  return f'<circle class="body" cx="{_n(_MIDDLE)}" cy="{_n(y)}" r="{_n(radius)}"/>'


def _disc(x: float, y: float, radius: float) -> str:
  return f'<circle class="dot" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"/>'


def _n(value: float) -> str:
  """A number with two decimals at most, which keeps the page small."""
  return f"{round(value, 2):g}"
