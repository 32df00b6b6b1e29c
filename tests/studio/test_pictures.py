"""Pictures of a lesson: verified by content, described in words, shown to authors, kept by versions."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from lessons.models import Draft, LessonFile
from tests.studio.conftest import form_of


def picture(name="Edge 1.PNG", form="PNG", size=(12, 8)) -> SimpleUploadedFile:
    content = BytesIO()
    Image.new("RGB", size, "teal").save(content, form)
    return SimpleUploadedFile(name, content.getvalue())


def test_a_picture_is_added_named_and_shown(owner, base, lesson):
    page = owner.post(base + "pictures/", {"file": picture(), "alt": "An edge [drawn]"}).content.decode()
    assert "![An edge \\[drawn\\]](edge-1.png)" in page
    assert Draft.objects.get(lesson=lesson).pictures["edge-1.png"]["width"] == 12
    response = owner.get(base + "pictures/edge-1.png/")
    assert response.content.startswith(b"\x89PNG")
    owner.post(base + "pictures/", {"file": picture(size=(9, 9)), "alt": "Another"})
    assert set(Draft.objects.get(lesson=lesson).pictures) == {"edge-1.png", "edge-1-2.png"}


def test_a_picture_stands_in_the_preview(owner, base, lesson):
    owner.post(base + "pictures/", {"file": picture(), "alt": "An edge"})
    form = form_of(owner.get(base)) | {"body": "![An edge](edge-1.png)"}
    assert "<img" in owner.post(base + "?fragment=1", {**form, "act": "preview"}).content.decode()


def test_a_picture_needs_words(owner, base, lesson):
    response = owner.post(base + "pictures/", {"file": picture(), "alt": " "})
    assert response.status_code == 422
    assert not LessonFile.objects.exists()


@pytest.mark.parametrize(
    "file",
    [
        SimpleUploadedFile("x.png", b"not a picture"),
        SimpleUploadedFile("x.svg", b"<svg onload='alert(1)'/>"),
        SimpleUploadedFile("x.html", b"<script>alert(1)</script>"),
        SimpleUploadedFile("x.png", b""),
        picture("x.bmp", "BMP"),
    ],
    ids=["text", "svg", "html", "empty", "bmp"],
)
def test_what_is_no_picture_is_refused_with_a_sentence(owner, base, lesson, file):
    file.seek(0)
    response = owner.post(base + "pictures/", {"file": file, "alt": "An edge"})
    assert response.status_code == 422
    assert form_of_errors(response)
    assert not LessonFile.objects.exists()


def form_of_errors(response) -> bool:
    return "error-summary" in response.content.decode()


def test_a_removed_picture_leaves_the_draft(owner, base, lesson):
    owner.post(base + "pictures/", {"file": picture(), "alt": "An edge"})
    owner.post(base + "pictures/edge-1.png/remove/")
    assert Draft.objects.get(lesson=lesson).pictures == {}
    assert owner.get(base + "pictures/edge-1.png/").status_code == 404
