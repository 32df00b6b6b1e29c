"""What strangers send: photos of every kind, broken ones, and files that only pretend."""

from __future__ import annotations

import contextlib
import struct
import time
import zipfile
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, TiffImagePlugin

from inference import images
from inference.images import Change, ImageRefused, Refusal, check_image
from tests.inference.conftest import photo_bytes


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def refusal_of(content: bytes) -> Refusal:
    with pytest.raises(ImageRefused) as caught:
        check_image(content)
    return caught.value.refusal


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_each_format_becomes_8_bit_rgb(format: str) -> None:
    checked = check_image(photo_bytes(format))
    kept = opened(checked.content)
    assert kept.mode == "RGB"
    assert kept.size == (checked.width, checked.height) == (64, 48)
    assert checked.original.format == format


def test_what_came_without_loss_is_kept_without_loss() -> None:
    content = photo_bytes("PNG")
    assert np.array_equal(np.asarray(opened(check_image(content).content)), np.asarray(opened(content)))


def test_the_same_file_gives_the_same_hash() -> None:
    assert check_image(photo_bytes()).sha256 == check_image(photo_bytes()).sha256


def test_metadata_is_stripped() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCameraMaker"
    exif.get_ifd(0x8825)[1] = "N"
    content = photo_bytes("JPEG", exif=exif, comment=b"secret comment")
    assert b"SecretCameraMaker" in content
    kept = check_image(content).content
    assert b"Secret" not in kept
    assert b"secret" not in kept
    assert not opened(kept).getexif()
    png = photo_bytes("PNG", pnginfo=_text_chunk("secret place"))
    assert b"secret" not in check_image(png).content


def _text_chunk(text: str) -> object:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", text)
    return info


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_camera_noted(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    checked = check_image(photo_bytes("JPEG", exif=exif))
    turned = orientation >= 5
    assert (checked.width, checked.height) == ((48, 64) if turned else (64, 48))
    assert (Change.TURNED_UPRIGHT in checked.changes) == (orientation != 1)


def test_a_damaged_orientation_does_not_refuse_the_photo() -> None:
    content = photo_bytes("JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12\x00\x03")
    assert check_image(content).width == 64


@pytest.mark.parametrize(("mode", "format"), [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("LAB", "TIFF"), ("YCbCr", "TIFF")])
def test_other_colour_spaces_become_rgb(mode: str, format: str) -> None:
    checked = check_image(photo_bytes(format, mode=mode) if mode != "LAB" else saved(_lab(), "TIFF"))
    assert opened(checked.content).mode == "RGB"


def _lab() -> Image.Image:
    rgb = opened(photo_bytes("PNG"))
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    return ImageCms.applyTransform(rgb, transform)


def test_a_cmyk_photo_keeps_its_colours() -> None:
    red = Image.new("RGB", (32, 32), (220, 30, 30)).convert("CMYK")
    checked = check_image(saved(red, "TIFF"))
    pixel = opened(checked.content).getpixel((5, 5))
    assert pixel[0] > 180
    assert pixel[1] < 80
    assert Change.COLOURS_TO_RGB in checked.changes


def test_16_bit_grey_becomes_8_bit_grey() -> None:
    values = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype("uint16")
    checked = check_image(saved(Image.fromarray(values), "PNG"))
    kept = np.asarray(opened(checked.content))
    assert Change.EIGHT_BITS in checked.changes
    assert kept[0, 0, 0] == 0
    assert kept[-1, -1, 0] == 255
    assert abs(int(kept[24, 32, 0]) - int(values[24, 32] / 257)) <= 1


@pytest.mark.parametrize(("highest", "step"), [(255, 1), (65535, 257)])
def test_32_bit_grey_is_read_by_its_values(highest: int, step: int) -> None:
    values = np.linspace(0, highest, 64 * 48).astype("int32").reshape(48, 64)
    checked = check_image(saved(Image.fromarray(values), "TIFF"))
    kept = np.asarray(opened(checked.content))[:, :, 0].astype("int32")
    assert checked.original.mode == "I"
    assert Change.EIGHT_BITS in checked.changes
    assert np.abs(kept - values / step).max() <= 1
    assert kept.max() == 255


def test_a_dark_16_bit_photo_stays_dark() -> None:
    checked = check_image(saved(Image.fromarray(np.full((48, 64), 200, dtype="uint16")), "PNG"))
    assert np.asarray(opened(checked.content)).max() <= 1


def test_16_bit_colour_becomes_8_bit_colour() -> None:
    checked = check_image(sixteen_bit_png(40, 30))
    assert opened(checked.content).mode == "RGB"
    assert Change.EIGHT_BITS in checked.changes


def sixteen_bit_png(width: int, height: int) -> bytes:
    rows = b"".join(b"\x00" + struct.pack(">3H", 65535, 30000, 0) * width for _ in range(height))
    return png(width, height, rows, depth=16)


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_values_that_are_no_colours_are_refused() -> None:
    measured = Image.fromarray(np.linspace(-3, 9, 32 * 32, dtype="float32").reshape(32, 32))
    assert refusal_of(saved(measured, "TIFF")) == Refusal.STRANGE_VALUES
    deep = Image.fromarray((np.arange(32 * 32, dtype="int32") * 100_000).reshape(32, 32))
    assert refusal_of(saved(deep, "TIFF")) == Refusal.STRANGE_VALUES


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_and_black_and_white_become_rgb(mode: str) -> None:
    assert opened(check_image(photo_bytes("PNG", mode=mode)).content).mode == "RGB"


def test_transparent_parts_become_white() -> None:
    clear = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    for content in (saved(clear, "PNG"), saved(clear, "WEBP", lossless=True), saved(clear.convert("LA"), "PNG")):
        checked = check_image(content)
        assert opened(checked.content).getpixel((3, 3)) == (255, 255, 255)
        assert Change.ON_WHITE in checked.changes


def test_a_palette_with_a_transparent_colour_becomes_white_there() -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([10, 20, 30, 200, 100, 50] + [0] * 762)
    image.paste(1, (0, 0, 16, 32))
    checked = check_image(saved(image, "GIF", transparency=0))
    kept = opened(checked.content)
    assert kept.getpixel((20, 5)) == (255, 255, 255)
    assert kept.getpixel((5, 5)) == (200, 100, 50)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_an_animation_the_first_picture_is_taken(format: str) -> None:
    red, blue = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
    checked = check_image(saved(red, format, save_all=True, append_images=[blue, red]))
    pixel = opened(checked.content).getpixel((9, 9))
    assert pixel[0] > 200
    assert pixel[2] < 60
    assert Change.FIRST_FRAME in checked.changes


def test_a_wide_gamut_profile_is_brought_to_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    checked = check_image(photo_bytes("PNG", icc_profile=profile.tobytes()))  # no profile for RGB: left alone
    assert Change.COLOURS_TO_SRGB not in checked.changes
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    assert Change.COLOURS_TO_SRGB not in check_image(photo_bytes("PNG", icc_profile=srgb.tobytes())).changes
    assert check_image(photo_bytes("PNG", icc_profile=b"nonsense" * 20)).width == 64


def test_above_12_megapixels_a_photo_is_reduced() -> None:
    checked = check_image(photo_bytes("JPEG", (5000, 3000)))
    assert checked.width * checked.height <= images.KEPT_PIXELS
    assert checked.width / checked.height == pytest.approx(5000 / 3000, rel=0.01)
    assert checked.original.width == 5000
    assert Change.REDUCED in checked.changes


def test_at_12_megapixels_nothing_is_reduced() -> None:
    assert Change.REDUCED not in check_image(photo_bytes("JPEG", (4000, 3000))).changes


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    began = time.monotonic()
    assert refusal_of(png(30_000, 30_000, b"\x00" * 1000)) == Refusal.TOO_MANY_PIXELS
    assert refusal_of(png(8_000, 8_000, b"\x00" * 1000)) == Refusal.TOO_MANY_PIXELS
    assert refusal_of(png(2_000_000_000, 2_000_000_000, b"")) == Refusal.TOO_MANY_PIXELS
    gif = b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x00\x00\x00"
    assert refusal_of(gif) in (Refusal.TOO_MANY_PIXELS, Refusal.DAMAGED)
    assert time.monotonic() - began < 2


def test_a_png_that_inflates_beyond_its_size_is_harmless() -> None:
    row = b"\x00" + b"\x7f" * 64 * 3
    assert check_image(png(64, 48, row * 48 + b"\x00" * 50_000_000)).width == 64


def test_absurd_dimensions_are_refused() -> None:
    assert refusal_of(photo_bytes("PNG", (1, 1))) == Refusal.TOO_SMALL
    assert refusal_of(photo_bytes("PNG", (15, 400))) == Refusal.TOO_SMALL
    assert refusal_of(photo_bytes("PNG", (16, 400))) == Refusal.TOO_NARROW
    assert refusal_of(photo_bytes("PNG", (9000, 20))) == Refusal.TOO_NARROW
    assert check_image(photo_bytes("PNG", (16, 320))).width == 16
    assert refusal_of(png(0, 10, b"")) in (Refusal.TOO_SMALL, Refusal.DAMAGED)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_truncated_file_is_refused(format: str) -> None:
    content = photo_bytes(format, (300, 200))
    assert refusal_of(content[: len(content) // 2]) == Refusal.DAMAGED


def test_a_jpeg_of_thousands_of_scans_is_refused_at_once() -> None:
    content = photo_bytes("JPEG", (640, 480), progressive=True)
    first = content.index(b"\xff\xda")
    scan = content[first : content.index(b"\xff\xda", first + 2)]
    bomb = content[:first] + scan * 3000 + content[first:]
    began = time.monotonic()
    assert refusal_of(bomb) == Refusal.DAMAGED
    assert time.monotonic() - began < 1


def test_a_tiff_of_endless_directories_is_read_in_no_time() -> None:
    content = bytearray(photo_bytes("TIFF"))
    entries = struct.unpack_from("<H", content, struct.unpack_from("<I", content, 4)[0])[0]
    next_at = struct.unpack_from("<I", content, 4)[0] + 2 + entries * 12
    struct.pack_into("<I", content, next_at, struct.unpack_from("<I", content, 4)[0])  # the next directory is this one
    began = time.monotonic()
    with contextlib.suppress(ImageRefused):
        check_image(bytes(content))
    assert time.monotonic() - began < 2


def zipped() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("photo.jpg", photo_bytes())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<!doctype html><script>alert(1)</script>", "HTML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (zipped(), "ZIP"),
        (b"%PDF-1.7\n", "PDF"),
        (b"just some text", ""),
        (b"\x00" * 500, ""),
        (b"\x00\x00\x00\x18ftypheic" + b"\x00" * 40, "HEIC"),
        (b"\x00\x00\x00\x18ftypavif" + b"\x00" * 40, "AVIF"),
    ],
)
def test_a_file_that_only_pretends_is_refused_and_named(content: bytes, found: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        check_image(content)
    assert caught.value.refusal == Refusal.NOT_A_PHOTO
    assert caught.value.details["found"] == found


@pytest.mark.parametrize("format", ["PPM", "ICO", "EPS", "PCX", "TGA"])
def test_formats_that_nobody_asked_for_are_refused(format: str) -> None:
    assert refusal_of(photo_bytes(format)) in (Refusal.NOT_A_PHOTO, Refusal.DAMAGED)


def test_a_page_behind_a_photos_beginning_leaves_nothing_of_the_page() -> None:
    checked = check_image(photo_bytes("GIF") + b"<script>alert(1)</script>")
    assert b"script" not in checked.content


def test_nothing_and_too_much_are_refused() -> None:
    assert refusal_of(b"") == Refusal.EMPTY
    assert refusal_of(b"\xff\xd8\xff" + b"\x00" * images.MAXIMUM_BYTES) == Refusal.TOO_MANY_BYTES


SOURCES = [photo_bytes(format, (40, 30)) for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")] + [
    photo_bytes("JPEG", (40, 30), progressive=True),
    photo_bytes("JPEG", (40, 30), mode="CMYK"),
    photo_bytes("TIFF", (40, 30), compression="tiff_lzw"),
    photo_bytes("TIFF", (40, 30), compression="jpeg"),
    sixteen_bit_png(40, 30),
]


@settings(max_examples=400, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_bytes_are_a_photo_or_a_refusal_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SOURCES)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    try:
        checked = check_image(bytes(content))
    except ImageRefused:
        return
    kept = opened(checked.content)
    assert kept.mode == "RGB"
    assert kept.width * kept.height <= images.KEPT_PIXELS


@settings(max_examples=200, deadline=2000)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00", b"RIFF\x00\x00\x00\x00WEBP"]),
)
def test_noise_behind_any_beginning_is_refused(noise: bytes, beginning: bytes) -> None:
    with contextlib.suppress(ImageRefused):
        check_image(beginning + noise)


@settings(max_examples=60, deadline=5000)
@given(width=st.integers(16, 400), height=st.integers(16, 400), orientation=st.integers(1, 8))
def test_turning_upright_keeps_every_pixels_count(width: int, height: int, orientation: int) -> None:
    if max(width, height) > images.MAXIMUM_RATIO * min(width, height):
        return
    exif = Image.Exif()
    exif[0x0112] = orientation
    checked = check_image(saved(Image.new("RGB", (width, height)), "PNG", exif=exif))
    assert checked.width * checked.height == width * height


def test_a_tiff_tag_that_claims_gigabytes_is_refused_or_ignored() -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[270] = "x" * 1000
    content = bytearray(saved(opened(photo_bytes("PNG")), "TIFF", tiffinfo=info))
    at = struct.unpack_from("<I", content, 4)[0] + 2
    for entry in range(struct.unpack_from("<H", content, at - 2)[0]):
        if struct.unpack_from("<H", content, at + entry * 12)[0] == 270:
            struct.pack_into("<I", content, at + entry * 12 + 4, 0x7FFFFFF0)
    began = time.monotonic()
    with contextlib.suppress(ImageRefused):
        check_image(bytes(content))
    assert time.monotonic() - began < 2
