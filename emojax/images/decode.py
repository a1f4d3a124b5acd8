"""Picture files become RGB arrays.

In: a JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC or AVIF file, or an array or a Pillow image.
Out: uint8 arrays, (H, W, 3), red first. The colour order is decided here and nowhere
else. Whatever cannot be read as a whole picture ends in an `ImageError` with one line
of reason.
"""

import io
import os
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

from emojax.images import bmp, exif, jpeg, png, profiles, tiff
from emojax.images.base import (
  Elsewhere,
  Essence,
  Frame,
  ImageError,
  NothingToSee,
  one_line,
)
from emojax.images.sources import MAX_PIXELS, Source, is_array, is_open_file, read

VERSION = 3  # raise it whenever a file or a view could give other pixels than before
# Versions that give ordinary photographs the same pixels, so that what was trained with
# one may predict with this: 1 did not know colour profiles, 2 rounded 16-bit colour and
# showed some rare files otherwise than browsers do (BUILD_NOTES.md).
READS_ALIKE = frozenset({1, 2, VERSION})

_BITS_PER_SAMPLE_TAG = 258  # of TIFF
_PHOTOMETRIC_TAG, _WHITE_IS_ZERO = 262, 0
_COMPRESSION_TAG, _UNCOMPRESSED = 259, 1
_FAX = (2, 3, 4, 32771)  # CCITT's compressions
_PLANES_TAG, _SEPARATE = 284, 2

# The plug-ins are called directly, not through Image.open, which would warn about or
# refuse large pictures before their size can be asked. Only these kinds are ever given
# to a decoder.
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


# What of a file is handed to its decoder; all of it, of other kinds.
_ESSENCES: dict[str, Callable[[bytes], Essence]] = {
  "JPEG": jpeg.essence,
  "PNG": png.essence,
  "TIFF": tiff.essence,
  "BMP": bmp.essence,
}
_TURNED_BY_DECODER = ("AVIF", "HEIC")  # which say so in the EXIF block that they give
_EXIF_HEAD = b"Exif\0\0"


def load(source: Source, max_pixels: int = MAX_PIXELS) -> np.ndarray:
  """A picture as people see it, decoded to RGB.

  What stands beside the pixels does not matter, damaged or not. Rotation is applied
  where browsers do so (EXIF in JPEG and PNG, TIFF, HEIC, AVIF), a colour profile too
  (see `profiles`); grey is replicated, CMYK converted (JPEG ones in Adobe's inverted
  convention), transparency laid on white; deeper samples keep their highest 8 bits; of
  an animation the first picture is taken, of several pages the first that is not
  called a preview of another. Where viewers disagree, Chromium is followed. May be
  called from any number of threads. Raises Pillow's own limit for this process to
  `max_pixels` where it is lower.

  Args:
    source: see `contents`.
    max_pixels: a picture with more is refused from its header, before decoding.
  Returns:
    (H, W, 3) uint8.
  Raises:
    NothingToSee: every pixel is wholly transparent.
    ImageError: the file cannot be read, is empty, is not one of the eight kinds, is
      larger than `max_pixels`, is damaged or cut short, has floating-point, 32-bit or
      CIELAB samples, whose white has no agreed value, or is an uncompressed 16-bit TIFF
      with separate colour planes or one with a fax's compression; or an array is no
      image.
    TypeError: `source` is nothing that could be a picture.
  """
  content = contents(source, max_pixels)
  return _decoded(content, max_pixels) if isinstance(content, bytes) else content


def contents(source: Source, max_pixels: int = MAX_PIXELS) -> bytes | np.ndarray:
  """The bytes of a picture file, or the pixels of what is decoded already.

  Args:
    source: the path of a file, an open file, its bytes, an array (H, W), (H, W, 1),
      (H, W, 3) or (H, W, 4) uint8 of grey, RGB or RGBA, or a Pillow image.
    max_pixels: see `load`.
  Returns:
    bytes, or (H, W, 3) uint8.
  Raises:
    ImageError, TypeError: see `load`.
  """
  if isinstance(source, (bytes, bytearray, memoryview)):
    return bytes(source)
  if isinstance(source, Image.Image):
    return _of_pillow(source, max_pixels)
  if is_array(source):
    return _of_array(np.asarray(source))
  if isinstance(source, (str, os.PathLike, Elsewhere)) or is_open_file(source):
    return read(source, max_pixels)
  raise TypeError(
    "a picture is a path, an open file, bytes, an array or a Pillow image; got "
    f"{type(source).__name__}"
  )


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


def _decoded(data: bytes, max_pixels: int) -> np.ndarray:
  """The pixels of a file; see `load`."""
  # TIFF, WebP and GIF decoders also ask Pillow's own limit, which is the process's, and
  # would warn; warnings cannot be silenced safely from a thread.
  if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
    Image.MAX_IMAGE_PIXELS = max_pixels
  name, opener = _kind(data)
  essence = _ESSENCES.get(name, Essence)(data)
  # A damaged file makes decoders raise almost anything (OSError, SyntaxError, KeyError,
  # struct.error, zlib.error, ...), and each of them means the same to the caller.
  try:
    rgb = jpeg.quick(essence, max_pixels)
    orientation = essence.orientation
    if rgb is None:
      image = _opened(name, opener, essence, max_pixels)
      rgb = _pixels(image, data, essence)
      if name in _TURNED_BY_DECODER:
        orientation = _exif_orientation(image)
    elif essence.profile is not None and not profiles.is_srgb(essence.profile):
      rgb = _pixels(Image.fromarray(rgb), data, essence)
  except ImageError:
    raise
  except Exception as error:
    raise ImageError(f"damaged or cut short {name}: {one_line(error)}") from error
  return np.ascontiguousarray(_upright(rgb, orientation))


def _opened(
  name: str,
  opener: Callable[[io.BytesIO], ImageFile.ImageFile],
  essence: Essence,
  max_pixels: int,
) -> ImageFile.ImageFile:
  """A file of which Pillow has read the header, of no more pixels than may be."""
  try:
    image = opener(io.BytesIO(essence.data))
  except Image.DecompressionBombError as error:  # WebP of more than twice the limit
    raise ImageError(
      f"more pixels than the limit of {max_pixels:,}; raise the pixel limit to read it"
    ) from error
  except Exception as error:
    raise ImageError(f"not a readable {name} picture: {one_line(error)}") from error
  _check_size(essence.frame.canvas if essence.frame else image.size, max_pixels)
  return image


def _pixels(image: Image.Image, data: bytes, essence: Essence) -> np.ndarray:
  """The pixels of an opened file, (H, W, 3) in sRGB, not turned."""
  if essence.profile is not None:
    image.info["icc_profile"] = essence.profile
  return np.asarray(_opaque(profiles.to_srgb(_loaded(image, data, essence))))


def _loaded(image: Image.Image, data: bytes, essence: Essence) -> Image.Image:
  """The decoded picture in any of Pillow's 8-bit modes, as its kind of file asks."""
  frame = essence.frame
  if isinstance(image, TiffImagePlugin.TiffImageFile) and (
    image.tag_v2.get(_COMPRESSION_TAG) in _FAX
  ):  # libtiff leaves rows behind an early end as the memory was, without a word
    raise ImageError(
      "TIFF with a fax's compression, whose loss cannot be told; save the picture with "
      "another"
    )
  if isinstance(image, GifImagePlugin.GifImageFile) and image.tile:
    frame = Frame(image.size, image.tile[0][1] or (0, 0, *image.size))
  image.load()
  shown = _eight_bit(image)
  if isinstance(image, PngImagePlugin.PngImageFile):
    key = image.info.get("transparency")
    if isinstance(key, tuple) and png.bit_depth(data) == 16:
      shown = _with_deep_key(image, key, essence.data)
  return shown if frame is None or frame.is_whole else _on_canvas(shown, frame)


def _of_pillow(image: Image.Image, max_pixels: int) -> np.ndarray:
  """The pixels of a Pillow image, as those of its file; see `load`."""
  _check_size(image.size, max_pixels)
  try:
    image.load()
    rgb = np.asarray(_opaque(profiles.to_srgb(_eight_bit(image))))
  except ImageError:
    raise
  except Exception as error:
    raise ImageError(f"not a readable Pillow image: {one_line(error)}") from error
  if rgb.size == 0:
    raise ImageError("the Pillow image has no pixels")
  orientation = 1 if image.format == "WEBP" else _exif_orientation(image)
  return np.ascontiguousarray(_upright(rgb, orientation))


def _of_array(array: np.ndarray) -> np.ndarray:
  """The pixels of an array of grey, RGB or RGBA; see `contents`."""
  channels = array.shape[2] if array.ndim == 3 else 1
  is_image = array.ndim in (2, 3) and channels in (1, 3, 4) and array.size > 0
  if not is_image or array.dtype != np.uint8:
    raise ImageError(
      "expected an array (H, W), (H, W, 3) or (H, W, 4) of uint8 with at least one "
      f"pixel, got {array.shape} {array.dtype}"
    )
  if channels == 3:
    return np.ascontiguousarray(array)
  if channels == 1:
    return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
  return np.asarray(_opaque(Image.fromarray(np.ascontiguousarray(array))))


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
  """Refuses a picture of more pixels, from its header."""
  width, height = size
  if width * height > max_pixels:
    raise ImageError(
      f"{width} x {height} is {width * height:,} pixels, more than the limit of "
      f"{max_pixels:,}; raise the pixel limit to read it"
    )


def _eight_bit(image: Image.Image) -> Image.Image:
  """The decoded picture with 8-bit samples; Pillow has made most of them so."""
  if image.mode in ("I", "F", "LAB"):
    kind = {"I": "signed or 32-bit", "F": "floating-point", "LAB": "CIELAB"}
    raise ImageError(
      f"{kind[image.mode]} samples have no agreed white; save the picture with 8 or "
      "16 bits in RGB or grey"
    )
  if isinstance(image, TiffImagePlugin.TiffImageFile) and (
    _bits(image) == 16
    and image.mode in ("RGB", "RGBA")
    and image.tag_v2.get(_PLANES_TAG) == _SEPARATE
    and image.tag_v2.get(_COMPRESSION_TAG, _UNCOMPRESSED) == _UNCOMPRESSED
  ):  # Pillow reads these wrongly, without a word
    raise ImageError(
      "uncompressed 16-bit TIFF with a plane for each colour; save the picture with "
      "interleaved colours or with 8 bits"
    )
  return _grey_8(image) if image.mode.startswith("I;16") else image


def _bits(image: Image.Image) -> int:
  """Bits of a deep grey sample in the file, which Pillow's mode does not tell."""
  if isinstance(image, TiffImagePlugin.TiffImageFile):
    bits = image.tag_v2.get(_BITS_PER_SAMPLE_TAG, 1)
    return max(bits) if isinstance(bits, tuple) else bits
  return 16


def _grey_8(image: Image.Image) -> Image.Image:
  """The highest 8 bits of a 12- or 16-bit grey picture."""
  samples = np.asarray(image)
  grey = (samples >> (_bits(image) - 8)).astype(np.uint8)
  # Pillow inverts "white is zero" for 8 bits and fewer only.
  if isinstance(image, TiffImagePlugin.TiffImageFile) and (
    image.tag_v2.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO
  ):
    grey = 255 - grey
  shown = Image.fromarray(grey)
  key = image.info.get("transparency")
  if key is not None:
    alpha = np.where(samples == key, 0, 255).astype(np.uint8)
    shown = Image.merge("LA", (shown, Image.fromarray(alpha)))
  shown.info["icc_profile"] = image.info.get("icc_profile")
  return shown


def _with_deep_key(
  image: Image.Image, key: tuple[int, ...], data: bytes
) -> Image.Image:
  """A 16-bit RGB picture without its transparent colour, which differs in all bits."""
  file = np.frombuffer(png.exact(data), np.uint8)
  deep = cv2.imdecode(file, cv2.IMREAD_UNCHANGED)
  if deep is None:
    raise ImageError("damaged or cut short PNG: only a part of it can be decoded")
  is_key = (deep[..., 2::-1] == np.asarray(key, np.uint16)).all(axis=-1)
  shown = image.copy()
  del shown.info["transparency"]
  shown.putalpha(Image.fromarray(np.where(is_key, 0, 255).astype(np.uint8)))
  return shown


def _on_canvas(image: Image.Image, frame: Frame) -> Image.Image:
  """The picture on its canvas, which is transparent where the frame is not.

  Args:
    image: of the size of the frame, or of the canvas, which Pillow fills with a colour.
    frame: where it belongs.
  """
  rgba = image.convert("RGBA")
  canvas = Image.new("RGBA", frame.canvas)
  canvas.paste(rgba.crop(frame.box) if rgba.size == frame.canvas else rgba, frame.box)
  canvas.info["icc_profile"] = image.info.get("icc_profile")
  return canvas


def _opaque(image: Image.Image) -> Image.Image:
  """The picture in RGB, its transparent parts on white."""
  if image.mode not in ("LA", "PA", "RGBA") and "transparency" not in image.info:
    return image if image.mode == "RGB" else image.convert("RGB")  # without a copy
  rgba = image if image.mode == "RGBA" else image.convert("RGBA")
  alpha = rgba.getchannel("A")
  if alpha.getextrema()[1] == 0:
    raise NothingToSee("transparent", "every pixel is transparent: nothing to see")
  canvas = Image.new("RGB", rgba.size, "white")
  canvas.paste(rgba, mask=alpha)
  return canvas


def _exif_orientation(image: Image.Image) -> int:
  """What the EXIF block of an image asks for, see `exif`."""
  return exif.orientation((image.info.get("exif") or b"").removeprefix(_EXIF_HEAD))


def _upright(rgb: np.ndarray, orientation: int) -> np.ndarray:
  """Undoes the camera's orientation (EXIF 2.32, tag 274): mirror, then transpose."""
  if orientation in (5, 6, 7, 8):  # the stored rows are the seen columns
    rgb = rgb.transpose(1, 0, 2)
  if orientation in (2, 3, 6, 7):
    rgb = rgb[:, ::-1]
  if orientation in (3, 4, 7, 8):
    rgb = rgb[::-1]
  return rgb
