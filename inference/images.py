"""Whether bytes are a photo that can be run, and that photo upright, in 8-bit RGB and without its metadata. Pillow only.

Everything here was sent by a stranger: what the file says of itself is checked before a pixel is decoded, and any exception
of a decoder is the file's fault.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO

from PIL import Image, ImageCms, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAXIMUM_BYTES = 10 * 1024 * 1024
MAXIMUM_PIXELS = 50_000_000  # decoded: 150 MB of memory
KEPT_PIXELS = 12_000_000
MINIMUM_SIDE = 16
MAXIMUM_RATIO = 20  # a strip of 1 × 10,000 would be resized to 256 × 2,560,000
MAXIMUM_JPEG_SCANS = 40  # a progressive photo has about ten; a scan of 50 megapixels takes 0.1 s, however few bytes it has

_LOSSY = ("JPEG", "MPO", "WEBP")
_SRGB = ImageCms.createProfile("sRGB")


class Refusal(StrEnum):
    """Why a file is not taken. The site has one sentence for each."""

    EMPTY = "empty"
    TOO_MANY_BYTES = "too_many_bytes"  # details: limit
    NOT_A_PHOTO = "not_a_photo"  # details: found, empty when nobody knows
    DAMAGED = "damaged"
    TOO_MANY_PIXELS = "too_many_pixels"  # details: width, height, limit
    TOO_SMALL = "too_small"  # details: width, height, limit
    TOO_NARROW = "too_narrow"  # details: width, height, limit
    STRANGE_VALUES = "strange_values"  # details: mode


class ImageRefused(Exception):
    """A file that is not taken; `refusal` names the reason and `details` carries its figures."""

    def __init__(self, refusal: Refusal, **details: str | int) -> None:
        super().__init__(f"{refusal}: {details}")
        self.refusal = refusal
        self.details = details


class Change(StrEnum):
    """What was done to a photo before it was kept."""

    FIRST_FRAME = "first_frame"
    TURNED_UPRIGHT = "turned_upright"
    EIGHT_BITS = "eight_bits"
    COLOURS_TO_SRGB = "colours_to_srgb"
    COLOURS_TO_RGB = "colours_to_rgb"
    ON_WHITE = "on_white"
    REDUCED = "reduced"


@dataclass(frozen=True, slots=True)
class Original:
    """The file as it came: its format, Pillow's mode, its sides in pixels, its bytes."""

    format: str
    mode: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """The photo as it is kept: encoded anew, so that nothing of the file's metadata is left."""

    content: bytes
    media_type: str
    suffix: str
    width: int
    height: int
    original: Original
    changes: tuple[Change, ...] = field(default=())

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def check_image(content: bytes) -> CheckedImage:
    """The photo in `content`, ready to be kept; raises ImageRefused, and nothing else, for bytes that are none."""
    if not content:
        raise ImageRefused(Refusal.EMPTY)
    if len(content) > MAXIMUM_BYTES:
        raise ImageRefused(Refusal.TOO_MANY_BYTES, limit=MAXIMUM_BYTES)
    image = _opened(content)
    original = Original(image.format or "", image.mode, *image.size, len(content))
    _check_size(original)
    if original.format in ("JPEG", "MPO") and content.count(b"\xff\xda") > MAXIMUM_JPEG_SCANS:
        raise ImageRefused(Refusal.DAMAGED)
    try:
        photo, changes = _photo(image)
        encoded, media_type, suffix = _encoded(photo, lossy=original.format in _LOSSY)
    except ImageRefused:
        raise
    except Exception as error:  # decoders raise whatever their format's damage makes of them
        raise ImageRefused(Refusal.DAMAGED) from error
    return CheckedImage(encoded, media_type, suffix, photo.width, photo.height, original, changes)


def _opened(content: bytes) -> Image.Image:
    """The file, its head read and no pixel decoded."""
    try:
        return Image.open(BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageRefused(Refusal.TOO_MANY_PIXELS, width=0, height=0, limit=MAXIMUM_PIXELS) from error
    except Exception as error:  # see check_image
        found = _recognised(content)
        if found in FORMATS:
            raise ImageRefused(Refusal.DAMAGED) from error
        raise ImageRefused(Refusal.NOT_A_PHOTO, found=found) from error


_BEGINNINGS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"8BPS", "PSD"),
)


def _recognised(content: bytes) -> str:
    """What the bytes look like, for a sentence that helps; empty when nobody knows."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp":
        return "AVIF" if content[8:12] in (b"avif", b"avis") else "HEIC"
    for beginning, name in _BEGINNINGS:
        if content.startswith(beginning):
            return name
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "SVG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    return ""


def _check_size(original: Original) -> None:
    width, height = original.width, original.height
    if width * height > MAXIMUM_PIXELS:
        raise ImageRefused(Refusal.TOO_MANY_PIXELS, width=width, height=height, limit=MAXIMUM_PIXELS)
    if min(width, height) < MINIMUM_SIDE:
        raise ImageRefused(Refusal.TOO_SMALL, width=width, height=height, limit=MINIMUM_SIDE)
    if max(width, height) > MAXIMUM_RATIO * min(width, height):
        raise ImageRefused(Refusal.TOO_NARROW, width=width, height=height, limit=MAXIMUM_RATIO)


def _photo(image: Image.Image) -> tuple[Image.Image, tuple[Change, ...]]:
    """The first frame upright, in 8-bit RGB on white, at most KEPT_PIXELS large, and what was done for it."""
    changes: list[Change] = []
    if getattr(image, "is_animated", False):
        changes.append(Change.FIRST_FRAME)
        image.seek(0)
    deep = _is_deep(image)
    image.load()
    profile = image.info.get("icc_profile")
    upright = _upright(image)
    if upright is not image:
        changes.append(Change.TURNED_UPRIGHT)
    if deep:
        changes.append(Change.EIGHT_BITS)
    photo = _in_rgb(_in_eight_bits(upright), profile, changes)
    if photo.width * photo.height > KEPT_PIXELS:
        changes.append(Change.REDUCED)
        photo = _reduced(photo)
    return photo, tuple(changes)


def _is_deep(image: Image.Image) -> bool:
    """Whether a channel has more than 8 bits. Pillow reduces 16-bit colour while decoding and tells only by the raw mode."""
    raw_modes = (str(tile[3]) for tile in getattr(image, "tile", ()))
    return image.mode.startswith(("I", "F")) or any(";16" in mode for mode in raw_modes)


def _upright(image: Image.Image) -> Image.Image:
    """The photo as its orientation tag means it, or itself where there is none that can be read."""
    try:
        orientation = image.getexif().get(0x0112, 1)
        return ImageOps.exif_transpose(image) if orientation in range(2, 9) else image
    except Exception:  # a damaged tag is no reason to refuse the picture beside it
        return image


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Modes of 16 and 32 bits a pixel as 8-bit grey. What 32 bits hold is told by the values alone: 8 bits, or 16."""
    if image.mode == "F":
        raise ImageRefused(Refusal.STRANGE_VALUES, mode=image.mode)
    if not image.mode.startswith("I"):
        return image
    grey = image.convert("I")
    lowest, highest = grey.getextrema()
    if not (isinstance(lowest, int | float) and isinstance(highest, int | float)) or lowest < 0 or highest > 65535:
        raise ImageRefused(Refusal.STRANGE_VALUES, mode=image.mode)
    if image.mode == "I" and highest <= 255:
        return grey.convert("L")
    return grey.point(lambda value: value * (1 / 257)).convert("L")


def _in_rgb(image: Image.Image, profile: bytes | None, changes: list[Change]) -> Image.Image:
    """The picture in sRGB as far as its profile can be followed, its transparent parts on white."""
    image, shows_through = on_white(image)
    if shows_through:
        changes.append(Change.ON_WHITE)
    converted = _by_profile(image, profile)
    if converted is not None:
        changes.append(Change.COLOURS_TO_SRGB)
        return converted
    if image.mode not in ("RGB", "P", "L", "1"):
        changes.append(Change.COLOURS_TO_RGB)
    return image if image.mode == "RGB" else image.convert("RGB")


def on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture with white behind it where it may be transparent, and whether any of it is; others as they are.

    Merely dropped, transparency brings colours to light that the maker of the picture had hidden.
    """
    if image.mode not in ("RGBA", "LA", "PA", "La", "RGBa") and "transparency" not in image.info:
        return image, False
    rgba = image.convert("RGBA")
    shows_through = rgba.getchannel("A").getextrema()[0] != 255
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"), shows_through


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """The picture in sRGB by its own colour profile; None without one, with sRGB itself, or with one that doesn't fit."""
    if not profile or image.mode not in ("RGB", "CMYK"):
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except Exception:  # a damaged or foreign profile: the colours stay as they are
        return None


def _reduced(photo: Image.Image) -> Image.Image:
    factor = math.sqrt(KEPT_PIXELS / (photo.width * photo.height))
    size = (max(1, math.floor(photo.width * factor)), max(1, math.floor(photo.height * factor)))
    return photo.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _encoded(photo: Image.Image, *, lossy: bool) -> tuple[bytes, str, str]:
    """The pixels alone: bytes, media type, suffix. What came without loss is kept without loss."""
    bare = Image.frombytes("RGB", photo.size, photo.tobytes())
    buffer = BytesIO()
    if lossy:
        bare.save(buffer, "JPEG", quality=95, subsampling=0)
        return buffer.getvalue(), "image/jpeg", ".jpg"
    bare.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue(), "image/png", ".png"
