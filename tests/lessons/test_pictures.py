"""Pictures of lessons: damaged ones are refused with a sentence, and none tells where its author was."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from lessons.drafts import add_picture, keep_picture
from lessons.models import LessonFile
from lessons.pictures import measure, without_metadata
from tests.lessons.conftest import NOW
from web.problems import Problem


def photo(form="JPEG", size=(40, 20), **options) -> bytes:
    """A picture, red on its left half, that says where it was taken and who took it."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif[0x013B] = "Ann Author"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    content = BytesIO()
    image.save(content, form, exif=exif, **options)
    return content.getvalue()


def test_the_studio_removes_the_place_and_turns_the_photo_upright(tiny, instructor):
    lesson = tiny.lessons.get(slug="second-look")
    picture = add_picture(lesson=lesson, name="a.jpg", content=photo(comment=b"Ann Author"), author=None, now=NOW)
    assert (picture["width"], picture["height"]) == (20, 40)
    kept = LessonFile.objects.get(sha256=picture["sha256"]).file.read()
    assert b"Exif" not in kept
    assert b"Ann Author" not in kept
    red, _green, blue = Image.open(BytesIO(kept)).getpixel((10, 3))
    assert red > 200 > 60 > blue


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_other_formats_lose_their_metadata_too(form):
    bare = without_metadata(f"a.{form.lower()}", photo(form))
    assert b"Ann Author" not in bare
    assert not Image.open(BytesIO(bare)).getexif()


def test_words_in_a_png_are_removed_and_its_transparency_stays():
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "Ann Author")
    content = BytesIO()
    Image.new("P", (4, 4), 0).save(content, "PNG", pnginfo=words, transparency=0)
    bare = without_metadata("a.png", content.getvalue())
    assert b"Ann Author" not in bare
    assert Image.open(BytesIO(bare)).convert("RGBA").getpixel((0, 0))[3] == 0


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_keeps_its_frames_and_their_times(form):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    content = BytesIO()
    frames[0].save(content, form, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0)
    bare = Image.open(BytesIO(without_metadata(f"a.{form.lower()}", content.getvalue())))
    assert bare.n_frames == 3
    bare.seek(1)
    bare.load()
    assert bare.info["duration"] == 200
    assert bare.convert("RGB").getpixel((4, 4))[1] > 240


def test_what_is_clean_comes_out_the_same_again():
    once = without_metadata("a.png", photo("PNG"))
    assert without_metadata("a.png", once) == once


def test_a_folders_picture_is_kept_byte_for_byte_unless_it_tells_its_place(tiny):
    lesson = tiny.lessons.get(slug="second-look")
    clean = without_metadata("a.jpg", photo())
    picture = keep_picture(lesson, "a.jpg", clean)
    assert LessonFile.objects.get(sha256=picture["sha256"]).file.read() == clean
    with pytest.raises(Problem, match="place it was taken") as raised:
        keep_picture(lesson, "b.jpg", photo())
    assert raised.value.status == 422


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 600), st.binary(min_size=1, max_size=8))
def test_damage_is_never_more_than_a_sentence(form, at, noise):
    content = photo(form)
    damaged = content[:at] + noise + content[at + len(noise) :]
    for read in (measure, without_metadata):
        try:
            read("a.png", damaged)
        except Problem as problem:
            assert problem.status == 422


@pytest.mark.parametrize("error", [struct.error, TypeError, MemoryError, IndexError])
def test_whatever_a_decoder_raises_is_the_files_fault(error, monkeypatch):
    def fail(*_args, **_options):
        raise error("inside the decoder")

    monkeypatch.setattr(Image, "open", fail)
    for read in (measure, without_metadata):
        with pytest.raises(Problem, match="is no PNG, JPEG, WebP or GIF picture"):
            read("a.png", photo("PNG"))


def test_a_format_that_is_not_allowed_is_not_even_opened():
    with pytest.raises(Problem):
        measure("a.png", photo("TIFF"))
