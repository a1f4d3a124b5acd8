"""Colour profiles: what a file's numbers look like, as sRGB.

A wide-gamut photograph read as sRGB looks duller than people see it: telephones save
Display P3, cameras may save Adobe RGB.
"""

import functools
import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageCms

# A profile's colour space, as the ICC names it -> the mode of images it is for.
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_SRGB = ImageCms.createProfile("sRGB")
_SIGNATURE_AT, _LEAST_BYTES = 36, 132

# x and y of white, red, green and blue, as PNG orders them: of sRGB, and by the numbers
# of ITU-T H.273 of Rec. 2020 (9) and Display P3 (12).
SRGB_XY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_PRIMARIES = {
  1: SRGB_XY,
  9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
  12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
# sRGB's curve, IEC 61966-2-1, in the ICC's order: (a x + b)^g from d on, c x below.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVES = {8: (1.0,), 13: _SRGB_CURVE}
_D50 = (0.9642, 1.0, 0.8249)  # X, Y, Z; the white of profiles
_BRADFORD = np.array(
  [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def to_srgb(image: Image.Image) -> Image.Image:
  """An image as sRGB, by its own profile; with its transparency, if it has some.

  Relative colorimetric, with black point compensation. An image without a profile, with
  sRGB's own, with a damaged one or one for other colours than it has stays as it is:
  its numbers are then taken for sRGB, as viewers do.

  Args:
    image: in any of Pillow's 8-bit modes.
  Returns:
    RGB, RGBA, or the image itself.
  """
  content = image.info.get("icc_profile")
  if content is None or is_srgb(content):
    return image
  try:
    profile = ImageCms.getOpenProfile(io.BytesIO(content))
    mode = _MODES[profile.profile.xcolor_space.strip()]
    opaque, alpha = _parts(image)
    if opaque.mode != mode:
      return image
    transform = ImageCms.buildTransform(
      profile,
      _SRGB,
      mode,
      "RGB",
      ImageCms.Intent.RELATIVE_COLORIMETRIC,
      ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    shown = transform.apply(opaque)
  except (ImageCms.PyCMSError, OSError, KeyError):
    return image
  if alpha is not None:
    shown.putalpha(alpha)
  return shown


@functools.lru_cache(maxsize=16)  # cameras and programs write the same few
def is_srgb(content: bytes) -> bool:
  """Whether numbers with this profile are taken for sRGB's: it is that, or damaged.

  By its name: rounding alone would change most photographs, whose profile this is.
  """
  try:
    profile = ImageCms.getOpenProfile(io.BytesIO(content))
    return "sRGB" in ImageCms.getProfileDescription(profile)
  except (ImageCms.PyCMSError, OSError):
    return True


def _parts(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
  """Colours and transparency; a palette's colours are looked up."""
  if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
    rgba = image.convert("RGBA")
    grey = image.mode in ("L", "LA")
    return rgba.convert("L" if grey else "RGB"), rgba.getchannel("A")
  return image.convert("RGB") if image.mode == "P" else image, None


def is_profile(content: bytes) -> bool:
  """Whether bytes begin as an ICC profile does."""
  start = content[_SIGNATURE_AT : _SIGNATURE_AT + 4]
  return len(content) >= _LEAST_BYTES and start == b"acsp"


def of_code_points(content: bytes, is_grey: bool) -> bytes | None:
  """The profile of four code points of ITU-T H.273, as PNG's cICP chunk has them.

  Args:
    content: primaries, curve, matrix and range, a byte each.
    is_grey: whether it is for grey levels.
  Returns:
    None for what is not known: other primaries than sRGB's, Rec. 2020's and Display
    P3's, other curves than sRGB's and the straight line, anything but full-range RGB.
  """
  if len(content) != 4 or content[2:] != b"\0\1":
    return None
  primaries, curve = _PRIMARIES.get(content[0]), _CURVES.get(content[1])
  return (
    None if primaries is None or curve is None else _built(primaries, curve, is_grey)
  )


def of_gamma(gamma: float, xy: Sequence[float], is_grey: bool) -> bytes | None:
  """The profile of colours whose light is the gamma-th power of their number.

  Args:
    gamma: about 2.2 of most displays.
    xy: see `SRGB_XY`.
    is_grey: whether it is for grey levels.
  Returns:
    None for chromaticities that no light has.
  """
  return _built(xy, (gamma,), is_grey)


def _built(xy: Sequence[float], curve: Sequence[float], is_grey: bool) -> bytes | None:
  """An ICC profile (ICC.1:2010) of three primaries with one curve, or of grey."""
  points = np.array(xy, np.float64).reshape(4, 2)
  if (points[:, 1] <= 0).any():
    return None
  xyz = np.column_stack([points, 1 - points.sum(axis=1)]) / points[:, 1:]
  white, primaries = xyz[0], xyz[1:].T
  if abs(np.linalg.det(primaries)) < 1e-6:
    return None
  scaled = primaries * np.linalg.solve(primaries, white)
  gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
  adapted = np.linalg.inv(_BRADFORD) @ (gains[:, None] * (_BRADFORD @ scaled))
  if not (np.abs(adapted) < 100).all() or not 0 < curve[0] < 100:
    return None  # beyond what a profile's fixed-point numbers, or any display, can say
  kind = {1: 0, 5: 3}[len(curve)]
  tone = b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _fixed(curve)
  elements = {b"wtpt": b"XYZ " + bytes(4) + _fixed(_D50)}
  if is_grey:
    elements[b"kTRC"] = tone
  else:
    for name, column in zip((b"r", b"g", b"b"), adapted.T, strict=True):
      elements[name + b"XYZ"] = b"XYZ " + bytes(4) + _fixed(column)
      elements[name + b"TRC"] = tone
  table, body = struct.pack(">I", len(elements)), b""
  start = 128 + 4 + 12 * len(elements)
  for name, element in elements.items():
    table += name + struct.pack(">II", start + len(body), len(element))
    body += element
  head = struct.pack(">I4xI", start + len(body), 0x04300000)
  head += (
    b"mntr"
    + (b"GRAY" if is_grey else b"RGB ")
    + b"XYZ "
    + bytes(12)
    + b"acsp"
    + bytes(28)
    + _fixed(_D50)
  )
  return head.ljust(128, b"\0") + table + body


def _fixed(numbers: Sequence[float] | np.ndarray) -> bytes:
  """Numbers as the ICC's s15Fixed16."""
  return np.round(np.asarray(numbers) * 65536).astype(">i4").tobytes()
