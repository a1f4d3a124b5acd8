"""Colour profiles: what a file's numbers look like, as sRGB.

A wide-gamut photograph read as sRGB looks duller than people see it: telephones save
Display P3, cameras may save Adobe RGB.
"""

import io

from PIL import Image, ImageCms

# A profile's colour space, as the ICC names it -> the mode of images it is for.
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_SRGB = ImageCms.createProfile("sRGB")


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
  if not content:
    return image
  try:
    profile = ImageCms.getOpenProfile(io.BytesIO(content))
    # Rounding alone would change most photographs, whose profile is this one.
    if "sRGB" in ImageCms.getProfileDescription(profile):
      return image
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


def _parts(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
  """Colours and transparency; a palette's colours are looked up."""
  if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
    rgba = image.convert("RGBA")
    grey = image.mode in ("L", "LA")
    return rgba.convert("L" if grey else "RGB"), rgba.getchannel("A")
  return image.convert("RGB") if image.mode == "P" else image, None
