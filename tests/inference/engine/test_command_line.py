"""The command line works without the site, and every failure is one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from string import Formatter

import pytest
import torch
from PIL import Image

from inference.contracts import EngineError, Failure
from inference.engine import terminal
from inference.engine.__main__ import main

pytestmark = pytest.mark.torch

HOUSE = Path(__file__).parents[3]


@pytest.fixture
def cat_file(cat: Image.Image, tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    cat.save(path)
    return path


@pytest.mark.weights
def test_a_trace_is_a_table_that_ends_in_the_prediction(
    cat_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    assert main(["trace", str(cat_file), "--network", "efficientnet_lite0", "--pictures", str(pictures)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "12/17  features6             mbconv ×4" in "\n".join(lines)
    best = next(line for line in lines if line.startswith("1. "))
    assert "tiger cat" in best
    assert "39.5%" in best
    assert "█" in best
    assert len(list(pictures.glob("[01][0-9]-*.*"))) == 17
    (heat,) = pictures.glob("grad_cam-*")
    assert heat.stem == "grad_cam-282-heat", "282 is the tiger cat"
    with Image.open(heat) as map_of_evidence, Image.open(next(pictures.glob("02-crop.*"))) as crop:
        assert map_of_evidence.format == {"jpeg": "JPEG", "webp": "WEBP"}[heat.suffix[1:]]
        assert map_of_evidence.size == crop.size == (224, 224)
        darkest, brightest = map_of_evidence.convert("L").getextrema()
    assert brightest - darkest > 150, "from no evidence to the most"


@pytest.mark.weights
def test_without_a_folder_nothing_is_written(
    cat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["trace", str(cat_file)]) == 0
    assert "grad_cam:282" in capsys.readouterr().out
    assert list(elsewhere.iterdir()) == []


def test_inspecting_needs_no_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "resnet50", "--weights-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "25.56 M parameters, 4.089 G multiply-accumulates (8.178 G FLOPs)" in out
    assert "bottleneck ×6" in out
    assert "not here: https://download.pytorch.org/models/resnet50-11ad3fa6.pth" in out


def test_facts_are_one_json_object(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["facts", "resnet18", "torchvision", "--json", "--weights-dir", str(tmp_path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert list(facts) == ["resnet18", "torchvision"]
    assert facts["resnet18"]["parameters"] == 11_689_512


def test_all_networks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("efficientnet_lite0") and line.endswith("here") for line in lines)
    assert len(lines) == 81 + 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["inspect", "resnet51"], "There is no network called resnet51."),
        (["facts", "resnet18", "resnet51", "--json"], "There is no network called resnet51."),
        (["trace", "CAT", "--network", "resnet51"], "There is no network called resnet51."),
        (["trace", "CAT", "--network", "resnet50"], "resnet50 has no weights here, so it cannot predict. Download https://"),
        (["trace", "CAT", "--weights", "BEST"], "efficientnet_lite0 has no weights called BEST."),
        (["trace", "nowhere.jpg"], "The picture cannot be read: "),
        (["trace", __file__], "The picture cannot be read: cannot identify image file"),
        (["trace", "CAT", "--pictures", __file__], f"{__file__} cannot be written to: File exists."),
        (["train", "textures", "--output", f"{__file__}/head.pt"], f"{__file__} cannot be written to: "),
    ],
)
def test_a_failure_is_one_sentence_and_exit_code_1(
    arguments: list[str], sentence: str, cat_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(cat_file) if argument == "CAT" else argument for argument in arguments]
    assert main([*given, "--weights-dir", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(sentence)
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize("arguments", [["--threads", "0"], ["--threads", "many"], ["--device", "abacus"]])
def test_a_command_that_is_not_understood_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["trace", "cat.jpg", *arguments])
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        main(["trace", "cat.jpg", "--device", "cuda"])
    assert "this torch finds no GPU; use cpu" in capsys.readouterr().err


def test_it_runs_from_the_house_without_django() -> None:
    code = (
        "import sys; from inference.engine.__main__ import main; main(['networks']); "
        "print([name for name in ('django', 'celery') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True, cwd=HOUSE)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_can_be_said(failure: Failure) -> None:
    details = {name: name for _, name, _, _ in Formatter().parse(terminal._SENTENCES.get(failure, "")) if name}
    told = terminal.sentence(EngineError(failure, **details))
    assert told
    assert "{" not in told


@pytest.mark.parametrize(("share", "drawn"), [(0, ""), (1, "█" * 8), (0.5, "█" * 4), (1 / 64, "▏"), (0.99, "█" * 7 + "▉")])
def test_a_bar_is_drawn_to_an_eighth(share: float, drawn: str) -> None:
    assert terminal.bar(share, width=8) == drawn


@pytest.mark.parametrize(("number", "said"), [(0, "0"), (999, "999"), (25_557_032, "25.56 M"), (8.178e9, "8.178 G")])
def test_a_count_has_four_figures(number: float, said: str) -> None:
    assert terminal.count(number) == said
