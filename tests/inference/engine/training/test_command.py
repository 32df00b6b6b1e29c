"""Training and trying on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from inference.engine.__main__ import main

pytestmark = [pytest.mark.torch, pytest.mark.weights]


def test_a_folder_of_folders_is_trained_on_and_its_head_is_tried(
    own_photos: tuple[list[Image.Image], list[int]], cat: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (photo, label) in enumerate(zip(*own_photos, strict=True)):
        folder = tmp_path / "photos" / ("cat", "coffee")[label]
        folder.mkdir(parents=True, exist_ok=True)
        photo.save(folder / f"{number}.png")
    head, photo_file = tmp_path / "head.pt", tmp_path / "cat.png"
    cat.save(photo_file)
    assert main(["train", str(tmp_path / "photos"), "--epochs", "3", "--output", str(head)]) == 0
    said = capsys.readouterr().out
    assert "validation loss" in said
    assert "3/3" in said
    assert "12 of 12" in said or "11 of 12" in said
    assert main(["try", str(head), str(photo_file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "efficientnet_lite0 IMAGENET1K_V1, frozen on own: cat, coffee"
    assert lines[1].startswith("1. cat ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "digits", "--epochs", "500"], "This cannot be trained: epochs 500."),
        (["train", "no-such-folder"], "This cannot be trained: data no-such-folder."),
        (["try", "README.md", "photo.jpg"], "This is no head that was trained here"),
        (["try", "no-such-head.pt", "photo.jpg"], "This is no head that was trained here"),
    ],
)
def test_what_is_not_possible_is_one_sentence(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(said)
