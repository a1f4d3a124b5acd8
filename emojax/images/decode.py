"""Picture files become RGB arrays.

In: a path or the bytes of a JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC or AVIF file. Out:
uint8 arrays, (H, W, 3), red first. The colour order is decided here and nowhere else.
Whatever cannot be read as a whole picture ends in an `ImageError` with one line of
reason.
"""

import io
import os
import pathlib
import re
from collections.abc import Callable

import cv2
import numpy as np
import pillow_heif.as_plugin
from PIL import (
  AvifImagePlugin,
  BmpImagePlugin,
  GifImagePlugin,
  Image,
  ImageFile,
  JpegImagePlugin,
  PngImagePlugin,
  TiffImagePlugin,
  WebPImagePlugin,
)

from emojax.images import profiles

VERSION = 2  # raise it whenever a file or a view could give other pixels than before
# Versions that give most files the same pixels, so that what was trained with one may
# predict with this: 1 did not know colour profiles.
READS_ALIKE = frozenset({1, VERSION})
MAX_PIXELS = 100_000_000  # 300 MB of RGB; a larger picture is refused before decoding

_ORIENTATION_TAG = 274  # EXIF and TIFF tag numbers
_BITS_PER_SAMPLE_TAG = 258
_PHOTOMETRIC_TAG = 262
_WHITE_IS_ZERO = 0
_COMPRESSION_TAG, _UNCOMPRESSED = 259, 1
_PLANES_TAG, _SEPARATE = 284, 2
_PNG_BIT_DEPTH_AT = 24  # signature 8, chunk head 8, width 4, height 4, then one byte
_JPEG_SEQUENTIAL = (0xC0, 0xC1)  # frame types whose single scan is the whole picture
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
_JPEG_READ_AHEAD = 16  # bytes; libjpeg-turbo fills a buffer of 8
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # not data, not a restart

# The plug-ins are called directly, not through Image.open, which would warn about or
# refuse large pictures before their size can be asked. Only these six kinds are ever
# given to a decoder.
_KINDS: tuple[tuple[str, bytes, Callable[[io.BytesIO], ImageFile.ImageFile]], ...] = (
  ("JPEG", b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
  ("PNG", b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
  ("GIF", b"GIF87a", GifImagePlugin.GifImageFile),
  ("GIF", b"GIF89a", GifImagePlugin.GifImageFile),
  ("WebP", b"RIFF", WebPImagePlugin.WebPImageFile),
  ("TIFF", b"II*\0", TiffImagePlugin.TiffImageFile),
  ("TIFF", b"MM\0*", TiffImagePlugin.TiffImageFile),
  ("TIFF", b"II+\0", TiffImagePlugin.TiffImageFile),  # 64-bit offsets
  ("TIFF", b"MM\0+", TiffImagePlugin.TiffImageFile),
  ("BMP", b"BM", BmpImagePlugin.BmpImageFile),
)


# HEIC and AVIF files begin with a box whose brand, at byte 8, says which they are.
_BOX, _BRAND_AT = b"ftyp", 8
_BRANDS: dict[bytes, tuple[str, Callable[[io.BytesIO], ImageFile.ImageFile]]] = {
  **dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    ("HEIC", pillow_heif.as_plugin.HeifImageFile),
  ),
  **dict.fromkeys((b"avif", b"avis"), ("AVIF", AvifImagePlugin.AvifImageFile)),
}


class ImageError(ValueError):
  """A picture that cannot be read; the message is one line, without the file's name.

  Attributes:
    status: a word for tables: "error", or why there is nothing to see in it.
  """

  status = "error"


class NothingToSee(ImageError):
  """An image that was read, but shows nothing: small, blank or transparent."""

  def __init__(self, status: str, reason: str):
    super().__init__(reason)
    self.status = status


def load(
  source: str | os.PathLike[str] | bytes, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
  """A picture as people see it, decoded to RGB.

  EXIF rotation is applied, a colour profile too (see `profiles`), grey replicated, CMYK
  converted (JPEG ones in Adobe's inverted convention), transparency laid on white,
  16-bit samples divided by 257 and rounded, and of an animation or a multi-page file
  the first picture is taken. 16-bit colour that OpenCV reads otherwise than
  Pillow (CMYK, premultiplied alpha, compressed planes) keeps the high byte of each
  sample, which is at most one level off. May be called from any number of threads.
  Raises Pillow's own limit for this process to `max_pixels` where it is lower.

  Args:
    source: path of the file, or its bytes.
    max_pixels: a picture with more is refused from its header, before decoding.
  Returns:
    (H, W, 3) uint8.
  Raises:
    NothingToSee: every pixel is wholly transparent.
    ImageError: the file cannot be read, is empty, is not one of the eight kinds, is
      larger than `max_pixels`, is damaged or cut short, has floating-point, 32-bit or
      CIELAB samples, whose white has no agreed value, or is an uncompressed 16-bit TIFF
      with separate colour planes.
  """
  # TIFF, WebP and GIF decoders also ask Pillow's own limit, which is the process's, and
  # would warn; warnings cannot be silenced safely from a thread.
  if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
    Image.MAX_IMAGE_PIXELS = max_pixels
  data = source if isinstance(source, bytes) else _read(source)
  name, opener = _kind(data)
  # A damaged file makes Pillow raise almost anything (OSError, SyntaxError, KeyError,
  # struct.error, zlib.error, ...), and each of them means the same to the caller.
  try:
    image = opener(io.BytesIO(_sealed_jpeg(data) if name == "JPEG" else data))
  except ImageError:
    raise
  except Image.DecompressionBombError as error:  # WebP of more than twice the limit
    raise ImageError(
      f"more pixels than the limit of {max_pixels:,}; raise the pixel limit to read it"
    ) from error
  except Exception as error:
    raise ImageError(f"not a readable {name} picture: {_one_line(error)}") from error
  width, height = image.size
  if width * height > max_pixels:
    raise ImageError(
      f"{width} x {height} is {width * height:,} pixels, more than the limit of "
      f"{max_pixels:,}; raise the pixel limit to read it"
    )
  try:
    image.load()
    rgb = np.asarray(_opaque(profiles.to_srgb(_eight_bit(image, data))))
    orientation = _orientation(image)
  except ImageError:
    raise
  except Exception as error:
    raise ImageError(f"damaged or cut short {name}: {_one_line(error)}") from error
  return np.ascontiguousarray(_upright(rgb, orientation))


def _read(path: str | os.PathLike[str]) -> bytes:
  """The bytes of a file; an `ImageError` where the system refuses."""
  try:
    return pathlib.Path(path).read_bytes()
  except OSError as error:
    reason = error.strerror or _one_line(error)
    raise ImageError(f"the file cannot be opened: {reason}") from error


def kind(data: bytes) -> str:
  """What kind of file it is, such as "JPEG", from its first bytes.

  Raises:
    ImageError: none that is known.
  """
  return _kind(data)[0]


def _kind(data: bytes) -> tuple[str, Callable[[io.BytesIO], ImageFile.ImageFile]]:
  """The name and the decoder of the file's kind, from its first bytes."""
  if not data:
    raise ImageError("the file is empty (0 bytes)")
  for name, start, opener in _KINDS:
    if data.startswith(start) and (name != "WebP" or data[8:12] == b"WEBP"):
      return name, opener
  if data[4:_BRAND_AT] == _BOX and data[_BRAND_AT : _BRAND_AT + 4] in _BRANDS:
    return _BRANDS[data[_BRAND_AT : _BRAND_AT + 4]]
  raise ImageError("not a JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC or AVIF picture")


def _one_line(error: BaseException) -> str:
  return " ".join(str(error).split()) or type(error).__name__


def _sealed_jpeg(data: bytes) -> bytes:
  """JPEG data that the decoder refuses, rather than pads with grey, when cut short.

  Decoders fill up what an early end mark cuts off; without the mark they miss the data.
  So a sequential picture is handed on with its end mark replaced by a few zeros, which
  the decoder reads ahead and which are too few to stand for a visible part. A tail of
  zeros, as broken downloads leave it, is valid data and can only be told by there being
  no end mark. Progressive pictures pass as they are.

  Raises:
    ImageError: the pixels run into a tail of zeros.
  """
  at, frame = 2, None
  while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _JPEG_SCAN:
    if data[at + 1] == 0xFF:  # padding between segments
      at += 1
      continue
    if data[at + 1] in _JPEG_SEQUENTIAL:
      frame = data[at + 1]
    at += 2 + int.from_bytes(data[at + 2 : at + 4])
  marker = _JPEG_MARKER.search(data, at + 2)
  if marker is None:
    if data.endswith(bytes(16)):
      raise ImageError("damaged or cut short JPEG: its end is filled with zeros")
    return data
  is_end = data[marker.start() + 1] == _JPEG_END
  if not is_end or frame is None:
    return data
  return data[: marker.start()] + bytes(_JPEG_READ_AHEAD)


def _bits(image: ImageFile.ImageFile, data: bytes) -> int:
  """Bits of a sample in the file, which Pillow's mode does not always tell."""
  if isinstance(image, PngImagePlugin.PngImageFile):
    return data[_PNG_BIT_DEPTH_AT]
  if isinstance(image, TiffImagePlugin.TiffImageFile):
    bits = image.tag_v2.get(_BITS_PER_SAMPLE_TAG, 1)
    return max(bits) if isinstance(bits, tuple) else bits
  return 8


def _eight_bit(image: ImageFile.ImageFile, data: bytes) -> Image.Image:
  """The decoded picture with 8-bit samples, in any of Pillow's 8-bit modes."""
  bits = _bits(image, data)
  if image.mode in ("I", "F", "LAB"):
    kind = {"I": "signed or 32-bit", "F": "floating-point", "LAB": "CIELAB"}
    raise ImageError(
      f"{kind[image.mode]} samples have no agreed white; save the picture with 8 or "
      "16 bits in RGB or grey"
    )
  if image.mode.startswith("I;16"):
    return _grey_16(image, bits)
  if bits == 16 and image.mode in ("RGB", "RGBA"):
    return _colour_16(image, data)
  key = image.info.get("transparency")
  if bits in (2, 4) and image.mode == "L" and isinstance(key, int):
    # Pillow scales 2- and 4-bit greys to 8 bits but leaves their transparent grey.
    image.info["transparency"] = key * 255 // (2**bits - 1)
  return image


def _scaled(samples: np.ndarray, white: int) -> np.ndarray:
  """Integers 0..white as uint8 0..255, rounded to nearest."""
  return ((samples.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)


def _grey_16(image: ImageFile.ImageFile, bits: int) -> Image.Image:
  """A 12- or 16-bit grey picture with 8 bits."""
  samples = np.asarray(image)
  grey = _scaled(samples, 2**bits - 1)
  # Pillow inverts "white is zero" for 8 bits and fewer only.
  if isinstance(image, TiffImagePlugin.TiffImageFile) and (
    image.tag_v2.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO
  ):
    grey = 255 - grey
  key = image.info.get("transparency")
  if key is None:
    return Image.fromarray(grey)
  alpha = np.where(samples == key, 0, 255).astype(np.uint8)
  return Image.merge("LA", (Image.fromarray(grey), Image.fromarray(alpha)))


def _colour_16(image: ImageFile.ImageFile, data: bytes) -> Image.Image:
  """A 16-bit RGB or RGBA picture with 8 bits, rounded.

  Pillow has already decoded it, and so checked that it is whole, but kept only the high
  bytes. OpenCV keeps all 16 bits; its samples are used where their high bytes are
  exactly Pillow's, so that no difference between the two decoders (rotation, alpha) can
  slip in.
  """
  if isinstance(image, TiffImagePlugin.TiffImageFile) and (
    image.tag_v2.get(_PLANES_TAG) == _SEPARATE
    and image.tag_v2.get(_COMPRESSION_TAG, _UNCOMPRESSED) == _UNCOMPRESSED
  ):  # Pillow and OpenCV both read these wrongly, without a word
    raise ImageError(
      "uncompressed 16-bit TIFF with a plane for each colour; save the picture with "
      "interleaved colours or with 8 bits"
    )
  high = np.asarray(image)
  deep: np.ndarray | None = cv2.imdecode(
    np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED
  )
  channels = high.shape[2]
  if deep is None or deep.dtype != np.uint16 or deep.ndim != 3:
    return image
  deep = deep[..., [2, 1, 0, 3][: deep.shape[2]]]  # OpenCV puts blue first
  if deep.shape[:2] != high.shape[:2] or deep.shape[2] < channels:
    return image
  if not np.array_equal(deep[..., :channels] >> 8, high):
    return image
  rounded = _scaled(deep[..., :channels], 2**16 - 1)
  key = image.info.get("transparency")
  if key is not None:  # one 16-bit colour is transparent
    transparent = (deep[..., :3] == np.asarray(key, np.uint16)).all(-1, keepdims=True)
    alpha = np.where(transparent, 0, 255).astype(np.uint8)
    rounded = np.concatenate([rounded, alpha], -1)
  return Image.fromarray(rounded)


def _opaque(image: Image.Image) -> Image.Image:
  """The picture in RGB, its transparent parts on white."""
  if image.mode not in ("LA", "PA", "RGBA") and "transparency" not in image.info:
    return image.convert("RGB")
  rgba = image.convert("RGBA")
  alpha = rgba.getchannel("A")
  if alpha.getextrema()[1] == 0:
    raise NothingToSee("transparent", "every pixel is transparent: nothing to see")
  canvas = Image.new("RGB", rgba.size, "white")
  canvas.paste(rgba, mask=alpha)
  return canvas


def _orientation(image: ImageFile.ImageFile) -> int:
  """The EXIF orientation still to be applied, 1..8; 1 where there is none.

  Asked after decoding: Pillow turns TIFF pictures itself then and drops the tag, and
  PNG may carry it behind the pixels.
  """
  try:
    value = image.getexif().get(_ORIENTATION_TAG, 1)
  except Exception:  # unreadable EXIF says nothing about the pixels, which are whole
    return 1
  return value if value in range(1, 9) else 1


def _upright(rgb: np.ndarray, orientation: int) -> np.ndarray:
  """Undoes the camera's orientation (EXIF 2.32, tag 274): mirror, then transpose."""
  if orientation in (5, 6, 7, 8):  # the stored rows are the seen columns
    rgb = rgb.transpose(1, 0, 2)
  if orientation in (2, 3, 6, 7):
    rgb = rgb[:, ::-1]
  if orientation in (3, 4, 7, 8):
    rgb = rgb[::-1]
  return rgb
