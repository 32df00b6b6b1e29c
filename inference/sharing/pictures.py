"""Pictures of trace documents: made small for the way out, checked by their content on the way in. Pillow only."""

from __future__ import annotations

import base64
import binascii
from io import BytesIO
from typing import Literal

from django.utils.translation import gettext as _
from PIL import Image

SIDE = 176
"""The longest side of a stage's picture in a document: a frame of the film is drawn about that wide."""
PHOTO_SIDE = 640
QUALITY = 45
PHOTO_QUALITY = 70
MAXIMUM_SIDE = 2048
MAXIMUM_PIXELS = 2_000_000
MAXIMUM_JPEG_SCANS = 40  # see inference.images

WEBP: Literal["image/webp"] = "image/webp"
FORMATS = {"image/webp": "WEBP", "image/jpeg": "JPEG", "image/png": "PNG"}
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_JPEG_NEEDS = ("APP0", "APP14")  # JFIF's head and Adobe's note on colours; every other segment is about somebody


class BadPicture(Exception):
    """A picture that is not taken; its text says why."""


def compact(content: bytes, *, side: int = SIDE, quality: int = QUALITY) -> tuple[bytes, int, int]:
    """The picture as WebP, at most `side` pixels on its longer side: (bytes, width, height).

    A WebP that is small enough already comes back as it is, so that a document written again stays the same.
    """
    with Image.open(BytesIO(content), formats=tuple(FORMATS.values())) as image:
        if image.format == "WEBP" and max(image.size) <= side:
            return content, image.width, image.height
        image.draft("RGB", (side, side))
        picture = image.convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue(), picture.width, picture.height


def encoded(content: bytes) -> str:
    """Bytes as the document writes them: base64."""
    return base64.b64encode(content).decode("ascii")


def checked(text: str, *, media_type: str, width: int, height: int) -> bytes:
    """The bytes of a document's picture, once they are known to be what the document says; raises BadPicture.

    It must decode to its end, have the sides it is said to have, be no animation, and hold nothing beside its pixels.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPicture(_("it is not base64")) from error
    try:
        with Image.open(BytesIO(content), formats=(FORMATS[media_type],)) as image:
            _refuse_unlike(image, width=width, height=height)
            if media_type == "image/jpeg" and content.count(b"\xff\xda") > MAXIMUM_JPEG_SCANS:
                raise BadPicture(_("it is damaged"))
            image.load()  # a PNG may have its notes after its pixels
            _refuse_notes(image)
    except BadPicture:
        raise
    except Exception as error:  # decoders raise whatever their format's damage makes of them
        message = _("it can’t be read as %(media_type)s: it is damaged, cut off or something else")
        raise BadPicture(message % {"media_type": media_type}) from error
    if _end_of(content, media_type) != len(content):
        raise BadPicture(_("it holds more than pixels: something follows after the picture"))
    return content


def _end_of(content: bytes, media_type: str) -> int:
    """Where the picture ends by its own format: decoders don't mind what follows, and it would be handed on with it."""
    if media_type == WEBP:
        return 8 + int.from_bytes(content[4:8], "little")
    if media_type == "image/png":
        return content.find(_PNG_END) + len(_PNG_END)
    return content.find(b"\xff\xd9", content.find(b"\xff\xda")) + 2  # in a scan's own bytes no 255 is followed by 217


def _refuse_unlike(image: Image.Image, *, width: int, height: int) -> None:
    if image.size != (width, height):
        message = _("it has %(found)s pixels, and the document says %(said)s")
        raise BadPicture(message % {"found": f"{image.width}×{image.height}", "said": f"{width}×{height}"})
    if max(image.size) > MAXIMUM_SIDE or image.width * image.height > MAXIMUM_PIXELS:
        raise BadPicture(_("it has more than %(side)d pixels a side") % {"side": MAXIMUM_SIDE})
    if getattr(image, "n_frames", 1) != 1:
        raise BadPicture(_("it is animated"))


def _refuse_notes(image: Image.Image) -> None:
    """Raises BadPicture where the file tells of its camera, its place or its author."""
    segments = {name for name, _content in getattr(image, "applist", ())}
    notes = {"exif", "xmp", "icc_profile", "comment", "photoshop", "XML:com.adobe.xmp"} & set(image.info)
    texts = getattr(image, "text", {})
    if notes or texts or segments - set(_JPEG_NEEDS):
        raise BadPicture(_("it holds more than pixels: notes of a camera or a program"))
