"""Pictures of lessons: what is one, its size, and its pixels without what the camera wrote beside them. Pillow only.

Any exception of a decoder is the file's fault: each format's damage raises something else (struct.error, TypeError, …).
"""

from __future__ import annotations

from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from django.utils.translation import gettext as _
from PIL import Image, ImageOps, ImageSequence

from web.problems import Problem

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAXIMUM_BYTES = 5 * 1024 * 1024
MAXIMUM_PIXELS = 25_000_000
MAXIMUM_FRAME_PIXELS = 50_000_000  # of all frames together: a few bytes can hold a thousand large ones

_KEPT = ("icc_profile", "transparency")  # what the pixels mean; everything else beside them is about who made them and where
_GPS = 0x8825


def measure(name: str, content: bytes) -> tuple[int, int]:
    """Width and height of a picture that may be published; raises Problem 422 for what is none, or tells its place."""
    _refuse_name(name)
    try:
        with _opened(content) as image:
            located = _tells_its_place(image)
            image.load()
            size = image.size
    except Exception as error:  # see above
        raise _not_a_picture(name) from error
    if located:
        raise Problem(
            422,
            _("It says where it was taken"),
            _("“%(name)s” holds the place it was taken at. Add it in the studio, which removes that, or save it without.")
            % {"name": name},
        )
    return size


def without_metadata(name: str, content: bytes) -> bytes:
    """The picture upright and encoded anew, with nothing but its pixels and colours; raises Problem 422 for what is none."""
    _refuse_name(name)
    try:
        with _opened(content) as image:
            return _encoded(image, lossless=b"VP8L" in content[:4096])
    except Exception as error:  # see above
        raise _not_a_picture(name) from error


def _refuse_name(name: str) -> None:
    path = PurePosixPath(name)
    if path.name != name or path.suffix.lower() not in SUFFIXES:
        raise _not_a_picture(name)


def _not_a_picture(name: str) -> Problem:
    sentence = _("“%(name)s” is no PNG, JPEG, WebP or GIF picture that can be shown. Save it as one.")
    return Problem(422, _("Not a picture"), sentence % {"name": name})


def _opened(content: bytes) -> Image.Image:
    """The file with its head read, no pixel decoded; raises ValueError when decoding it would take too much memory."""
    image = Image.open(BytesIO(content), formats=FORMATS)
    pixels = image.width * image.height
    if pixels > MAXIMUM_PIXELS or pixels * getattr(image, "n_frames", 1) > MAXIMUM_FRAME_PIXELS:
        raise ValueError("too many pixels")
    return image


def _tells_its_place(image: Image.Image) -> bool:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    text = xmp if isinstance(xmp, str) else bytes(xmp).decode("utf-8", "replace")
    return "GPSLatitude" in text or bool(image.getexif().get_ifd(_GPS))


def _encoded(image: Image.Image, *, lossless: bool) -> bytes:
    form = "JPEG" if image.format == "MPO" else str(image.format)  # a phone's JPEG with more pictures behind the first
    options: dict[str, Any] = {}
    if form == "JPEG":
        frames = [_bare(_upright(image))]
        options = {"quality": 92, "optimize": True}
    else:
        durations = []
        frames = []
        for frame in ImageSequence.Iterator(image):
            frames.append(_bare(_upright(frame)))
            durations.append(frame.info.get("duration", 0))  # WebP knows it once the frame is decoded
        if form == "WEBP":
            options = {"lossless": lossless, "quality": 92}
        if len(frames) > 1:
            options |= {"save_all": True, "append_images": frames[1:], "duration": durations}
            if "loop" in image.info:
                options["loop"] = image.info["loop"]
            if form == "GIF":
                options["disposal"] = 2  # each frame is whole as decoded, its transparent parts included
    buffer = BytesIO()
    frames[0].save(buffer, form, **options)
    return buffer.getvalue()


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged tag is no reason to refuse the picture beside it
        return image


def _bare(image: Image.Image) -> Image.Image:
    bare = image.copy()
    bare.info = {name: image.info[name] for name in _KEPT if name in image.info}
    bare.getexif().clear()
    return bare
