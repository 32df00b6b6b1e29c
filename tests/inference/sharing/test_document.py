"""The trace document: what it says, that it says no more, and that it comes back as it went."""

from __future__ import annotations

import base64
import dataclasses
import json
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from accounts.models import User
from inference import contracts
from inference.models import Job, JobState, Trace
from inference.presenting import present
from inference.services import share_trace
from inference.sharing import schema
from inference.sharing.opening import keep_trace
from inference.sharing.pictures import checked
from inference.sharing.reading import MAXIMUM_BYTES, NotReadable, read_document, read_trace
from inference.sharing.writing import file_name, to_json, write_trace
from tests.inference.conftest import NOW
from tests.inference.sharing.conftest import as_file
from web.problems import Problem

GOLDEN = Path(__file__).parent / "golden.trace.json"


def pixels(picture: dict[str, Any]) -> bytes:
    with Image.open(BytesIO(base64.b64decode(picture["content"]))) as image:
        assert image.size == (picture["width"], picture["height"])
        return image.convert("RGB").tobytes()


# --- what it says -----------------------------------------------------------------------------------------------------------


def test_the_format_has_a_golden_document() -> None:
    """Written by the first version of the format, kept for good: what this site ever wrote it must go on reading."""
    content = GOLDEN.read_bytes()
    read = read_trace(content)
    assert to_json(read.document) == content
    assert [stage.name for stage in read.document.stages] == ["decode", "stem", "head", "softmax"]
    assert read.document.top_k[0].label == "tiger cat"
    assert read.document.results[0].figures.target == "features.8"
    assert set(read.stages) == {0, 1}
    assert set(read.results) == {("grad_cam:282", "heat")}


@pytest.mark.django_db
def test_a_finished_run_is_written_whole(told: dict[str, Any]) -> None:
    golden = json.loads(GOLDEN.read_bytes())
    for document in (told, golden):
        for stage in document["stages"]:
            stage.pop("picture")
        for result in document["results"]:
            result.pop("files")
        document.pop("written_by")
    assert told == golden


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (schema.StagePart, contracts.Stage),
        (schema.StatisticsPart, contracts.Statistics),
        (schema.PredictionPart, contracts.Prediction),
        (schema.MadeByPart, contracts.MadeBy),
        (schema.DrawnPicture, contracts.Picture),
    ],
)
def test_the_format_has_room_for_everything_that_the_engine_tells(part: Any, told: Any) -> None:
    """A field added to the contracts has to be added to the format too, with a default, so that older files stay readable."""
    fields = {field.name for field in dataclasses.fields(told)}
    if "drawn" in fields:  # what a run has drawn is in the document as the file that is made of it
        fields = fields - {"drawn"} | {"content"}
    assert fields <= set(part.model_fields)


@pytest.mark.django_db
def test_it_holds_nothing_about_people_or_places(cat: Trace, own_photo: Trace) -> None:
    token = share_trace(trace=own_photo)
    for trace in (cat, own_photo):
        for with_photo in (False, True):
            text = write_trace(trace, with_photo=with_photo).decode()
            strangers = [
                token,
                str(trace.pk),
                str(trace.job_id),
                trace.job.key,
                "traces/",
                "uploads/",
                "/media",
            ]
            if trace.job.upload:
                strangers += [str(trace.job.upload_id), trace.job.upload.sha256, str(trace.job.upload.file.name)]
            assert [stranger for stranger in strangers if stranger in text] == []


@pytest.mark.django_db
def test_an_own_photo_is_in_it_only_when_it_is_asked_for(own_photo: Trace) -> None:
    without = json.loads(write_trace(own_photo))
    assert without["photo"]["picture"] is None
    assert [stage["name"] for stage in without["stages"] if stage["picture"]] == ["stem"]
    with_photo = json.loads(write_trace(own_photo, with_photo=True))
    assert with_photo["photo"]["picture"]["width"] == 96
    assert [stage["name"] for stage in with_photo["stages"] if stage["picture"]] == ["decode", "stem"]


@pytest.mark.django_db
def test_a_sample_is_named_with_whose_it_is(told: dict[str, Any]) -> None:
    assert told["photo"]["credit"] == "Stéfan van der Walt, CC0"
    assert len(told["photo"]["sha256"]) == 64


@pytest.mark.django_db
def test_a_picture_whose_file_is_gone_is_left_out(cat: Trace) -> None:
    cat.job.document["stages"][1]["picture"]["name"] = "traces/gone.jpg"
    told = json.loads(write_trace(cat))
    assert told["stages"][1]["picture"] is None


@pytest.mark.django_db
def test_only_whole_films_are_written(cat: Trace) -> None:
    cat.job.state = JobState.RUNNING
    with pytest.raises(Problem) as refused:
        write_trace(cat)
    assert refused.value.status == 409
    cat.job.kind = contracts.RunKind.TRAINING
    with pytest.raises(Problem) as refused:
        write_trace(cat)
    assert refused.value.status == 422


@pytest.mark.django_db
def test_the_files_name_says_what_it_is(cat: Trace, own_photo: Trace) -> None:
    assert file_name(cat) == "efficientnet_lite0-chelsea.trace.json"
    assert file_name(own_photo) == "efficientnet_lite0-photo.trace.json"


# --- there and back ---------------------------------------------------------------------------------------------------------


def kept(content: bytes, owner: User) -> Trace:
    trace = keep_trace(owner=owner, read=read_trace(content), sha256=str(hash(content)), now=NOW)
    return Trace.objects.select_related("job", "job__upload").get(pk=trace.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("which", ["cat", "own_photo", "house"])
def test_what_was_opened_is_written_as_it_came(which: str, request: pytest.FixtureRequest, learner: User) -> None:
    original = request.getfixturevalue(which)
    content = write_trace(original, with_photo=which == "own_photo")
    opened = kept(content, learner)
    assert write_trace(opened) == content
    before, after = present(original, person=original.owner), present(opened, person=learner)
    assert after.top_k == before.top_k
    assert after.made_by == before.made_by
    assert after.verdict == before.verdict
    for one, other in zip(before.frames, after.frames, strict=True):
        same = ("index", "name", "title", "operation", "kind", "shape", "sentence", "parameters", "macs", "milliseconds")
        assert [getattr(one, name) for name in same] == [getattr(other, name) for name in same]
        assert one.statistics == other.statistics
        assert bool(one.picture) == bool(other.picture)


@pytest.mark.django_db
def test_the_pictures_come_back_byte_for_byte(told: dict[str, Any], learner: User) -> None:
    content = to_json(schema.TraceDocument.model_validate(told))
    again = json.loads(write_trace(kept(content, learner)))
    for one, other in zip(told["stages"], again["stages"], strict=True):
        assert one["picture"] == other["picture"]
        if one["picture"]:
            assert pixels(one["picture"]) == pixels(other["picture"])


finite = st.floats(-1e6, 1e6, allow_nan=False)
counts = st.integers(0, 10**9)
texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=60
)
statistics = st.none() | st.fixed_dictionaries(
    {"mean": finite, "std": finite, "minimum": finite, "maximum": finite, "silent_channels": counts, "channels": counts}
)
lists = st.lists(finite | counts, min_size=1, max_size=3)
details = st.fixed_dictionaries(
    {},
    optional={
        "size": texts | finite | lists,
        "interpolation": texts,
        **dict.fromkeys(("kernel", "stride", "mean", "std"), lists),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Any document that the format allows, with the pictures of the golden one."""
    golden = json.loads(GOLDEN.read_bytes())
    picture = golden["stages"][0]["picture"]
    kinds = sorted(
        draw(st.lists(st.sampled_from(list(contracts.StageKind)), min_size=1, max_size=6)), key=list(contracts.StageKind).index
    )
    stages = [
        {
            **golden["stages"][0],
            "index": index,
            "name": f"stage{index}",
            "kind": str(kind),
            "title": draw(texts),
            "input_shape": draw(st.lists(counts, max_size=4)),
            "output_shape": draw(st.lists(counts, min_size=1, max_size=4)),
            "parameters": draw(counts),
            "macs": draw(counts),
            "milliseconds": draw(st.floats(0, 1e6)),
            "statistics": draw(statistics),
            "operation": draw(st.sampled_from(["convolution", "normalise", "resize", "crop", "mbconv", "nobody_knows", ""])),
            "blocks": draw(st.integers(0, 5)),
            "details": draw(details),
            "picture": draw(st.none() | st.just(picture)),
        }
        for index, kind in enumerate(kinds)
    ]
    weights = sorted(draw(st.lists(st.integers(1, 10_000), min_size=1, max_size=5)), reverse=True)
    top_k = [
        {"rank": rank, "class_index": rank, "label": draw(texts.filter(bool)), "probability": weight / sum(weights)}
        for rank, weight in enumerate(weights, start=1)
    ]
    return {**golden, "network_title": draw(texts.filter(bool)), "prediction": draw(texts), "stages": stages, "top_k": top_k}


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=documents())
def test_whatever_the_format_allows_is_read_kept_shown_and_written_again(document: dict[str, Any], learner: User) -> None:
    content = to_json(read_trace(as_file(document)).document)
    opened = keep_trace(owner=learner, read=read_trace(content), sha256=str(hash(content)), now=NOW)
    view = present(opened, person=learner)
    assert [frame.title or frame.name for frame in view.frames] == [s["title"] or s["name"] for s in document["stages"]]
    assert write_trace(opened) == content
    Trace.objects.all().delete()
    Job.objects.all().delete()


# --- what comes from strangers ----------------------------------------------------------------------------------------------


def changed(told: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with one value put at a dotted path; "…" as value takes the field out."""
    copy: Any = json.loads(json.dumps(told))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = copy
    for step in way:
        place = place[step]
    if value == "…":
        del place[last]
    else:
        place[last] = value
    return copy


GOLDEN_PICTURE = json.loads(GOLDEN.read_bytes())["stages"][0]["picture"] if GOLDEN.exists() else {}


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("format", "forward-pass-trace/2", "this site reads “forward-pass-trace/1”"),
        ("format", "something else", "This file is no trace"),
        ("format", 1, "This file is no trace"),
        ("network", "…", "“network” is missing."),
        ("network", "../../etc", "“network” is written in a way"),
        ("network", "resnet50", "name two networks"),
        ("written_by", 7, "“written_by” must be text."),
        ("written_by", "x" * 201, "“written_by” is too long."),
        ("owner", "me", "“owner” is not part of this format."),
        ("ran_at", "2026-13-01T12:00:00Z", "“ran_at”: it is no time"),
        ("ran_at", "yesterday", "“ran_at” is written in a way"),
        ("stages", [], "“stages” has too few entries"),
        ("stages.1.index", 5, "must count from 0"),
        ("stages.1.name", "decode", "two stages have the same name"),
        ("stages.1.name", "a.b", "“stages[1].name” is written in a way"),
        ("stages.0.kind", "output", "must stand in the order"),
        ("stages.0.kind", "magic", "“stages[0].kind” must be one of"),
        ("stages.1.milliseconds", -1, "“stages[1].milliseconds” is too small."),
        ("stages.1.milliseconds", "1", "“stages[1].milliseconds” must be a number."),
        ("stages.1.milliseconds", True, "“stages[1].milliseconds” must be a number."),
        ("stages.1.parameters", 1.5, "“stages[1].parameters” must be a whole number."),
        ("stages.1.parameters", 10**18, "“stages[1].parameters” is too large."),
        ("stages.1.output_shape", [1] * 9, "“stages[1].output_shape” has too many entries"),
        ("stages.1.statistics.mean", 1e300, "“stages[1].statistics.mean” is too large."),
        ("stages.1.statistics.silent", 1, "“stages[1].statistics.silent” is not part of this format."),
        ("stages.1.details", {"size": "x" * 300}, "the detail “size” is too long"),
        ("stages.1.details", {"size": [[1]]}, "stages[1].details"),
        ("stages.1.details", {"kernel": 3, "stride": [1]}, "the detail “kernel” must be a list of numbers"),
        ("stages.1.details", {"mean": "a", "std": [1]}, "the detail “mean” must be a list of numbers"),
        ("stages.1.details", {"stride": []}, "the detail “stride” must be a list of numbers"),
        ("stages.1.details", {"mean": [10**400]}, "the detail “mean” is too large"),
        ("stages.1.title", "a\u202eb", "“stages[1].title” holds a character that can’t be shown."),
        ("stages.1.title", "a\x00b", "“stages[1].title” holds a character that can’t be shown."),
        ("stages.1.title", "\ud800", "“stages[1].title” holds a character that can’t be shown."),
        ("top_k.0.rank", 2, "the ranks of “top_k” must count from 1"),
        ("top_k.0.probability", 1.5, "“top_k[0].probability” is too large."),
        ("top_k.1.probability", 0.9, "the most probable first"),
        ("top_k.0.label", "", "“top_k[0].label” is empty."),
        ("results.0.name", "neighbours", "“results[0].name” is written in a way"),
        ("results.0.figures.positive", "yes", "“results[0].figures.positive” must be true or false."),
        ("made_by.seed", -1, "“made_by.seed” is too small."),
        ("made_by.seed", 10**20, "“made_by.seed” is too large."),
        ("made_by.weights_sha256", "abc", "“made_by.weights_sha256” is written in a way"),
        ("photo.width", 0, "“photo.width” is too small."),
        ("stages.0.picture.content", "not base64!", "“stages[0].picture.content” is written in a way"),
        ("stages.0.picture.content", "AAAA", "“stages[0].picture” is not taken: it can’t be read as image/webp"),
        ("stages.0.picture.content", "AAA", "“stages[0].picture” is not taken: it is not base64"),
        ("stages.0.picture.width", 9, "“stages[0].picture” is not taken: it has 8×8 pixels, and the document says 9×8."),
        ("stages.0.picture.media_type", "image/svg+xml", "“stages[0].picture.media_type” must be one of"),
        ("stages.0.picture.media_type", "image/png", "it can’t be read as image/png"),
        ("results.0.files.heat.content", "AAAA", "“results[0].files.heat” is not taken"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(path: str, value: Any, sentence: str) -> None:
    told = json.loads(GOLDEN.read_bytes())
    with pytest.raises(NotReadable) as refused:
        read_trace(as_file(changed(told, path, value)))
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b" \n", "The file is empty."),
        (b"\x89PNG\r\n\x1a\n", "This file is no trace."),
        (b"<!doctype html><html>", "This file is no trace."),
        (b"[]", "This file is no trace."),
        (b"{}", "This file is no trace."),
        (b"null", "This file is no trace."),
        (b'{"format": "forward-pass-trace/1"', "The file is not whole JSON: it can’t be read from line 1"),
        (b'{"format": "forward-pass-trace/1", "format": "x"}', "“format” is given twice"),
        (b'{"format": "forward-pass-trace/1", "milliseconds": NaN}', "holds NaN where a number must stand"),
        (b'{"format": "forward-pass-trace/1", "milliseconds": -Infinity}', "holds -Infinity"),
        (b"[" * 100_000, "This file is no trace."),
        (b'{"format":' * 50_000, "This file is no trace."),
        (b'{"format": ' + b"9" * 5000 + b"}", "This file is no trace."),
        (b'{"format": "forward-pass-trace/1", "x": ' + b"[" * 30 + b"]" * 30 + b"}", "This file is no trace."),
        (b" " * (MAXIMUM_BYTES + 1), "larger than 2 MB"),
        (b"{" + b",".join(b'"k%d":0' % number for number in range(150_000)) + b',"k149999":1}', "This file is no trace."),
    ],
)
def test_what_is_no_document_is_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(NotReadable) as refused:
        read_trace(content)
    assert sentence in str(refused.value)


def test_at_most_five_things_are_told_at_once() -> None:
    told = json.loads(GOLDEN.read_bytes())
    for index in range(4):
        for name in ("title", "layout", "operation"):
            told["stages"][index][name] = 7
    with pytest.raises(NotReadable) as refused:
        read_trace(as_file(told))
    assert len(refused.value.sentences) == 6
    assert refused.value.sentences[-1] == "There are 7 more problems."


def picture_part(content: bytes, media_type: str, side: int = 8) -> dict[str, Any]:
    shown = {"content": base64.b64encode(content).decode(), "media_type": media_type, "width": side, "height": side}
    return {**GOLDEN_PICTURE, **shown}


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def test_pictures_that_hold_more_than_pixels_are_refused() -> None:
    told = json.loads(GOLDEN.read_bytes())
    square = Image.new("RGB", (8, 8), "teal")
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    for content, media_type in [
        (saved(square, "JPEG", exif=exif), "image/jpeg"),
        (saved(square, "JPEG", comment=b"where I live"), "image/jpeg"),
        (saved(square, "WEBP", exif=exif.tobytes()), "image/webp"),
        (saved(square, "PNG", exif=exif), "image/png"),
        (saved(square, "PNG", icc_profile=b"profile"), "image/png"),
    ]:
        with pytest.raises(NotReadable, match="holds more than pixels"):
            read_trace(as_file(changed(told, "stages.0.picture", picture_part(content, media_type))))
    for format, media_type in (("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")):
        read_trace(as_file(changed(told, "stages.0.picture", picture_part(saved(square, format), media_type))))


def test_notes_after_the_pixels_are_refused_too() -> None:
    told = json.loads(GOLDEN.read_bytes())
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    square = Image.new("RGB", (8, 8), "teal")
    noted, bare = saved(square, "PNG", exif=exif), saved(square, "PNG")
    begin, pixels = noted.index(b"eXIf") - 4, noted.index(b"IDAT") - 4
    late = bare[:-12] + noted[begin:pixels] + bare[-12:]
    with pytest.raises(NotReadable, match="holds more than pixels"):
        read_trace(as_file(changed(told, "stages.0.picture", picture_part(late, "image/png"))))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("after", [b"<script>", b"\xff\xd9", b"IEND\xaeB`\x82"])
def test_what_follows_a_picture_is_not_kept_with_it(format: str, after: bytes) -> None:
    told = json.loads(GOLDEN.read_bytes())
    longer = saved(Image.new("RGB", (8, 8), "teal"), format) + after
    with pytest.raises(NotReadable, match="something follows after the picture"):
        read_trace(as_file(changed(told, "stages.0.picture", picture_part(longer, f"image/{format.lower()}"))))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 100), st.randoms())
def test_a_whole_picture_is_taken_whatever_it_shows(width: int, height: int, format: str, quality: int, draw: Random) -> None:
    picture = Image.frombytes("RGB", (width, height), draw.randbytes(3 * width * height))
    content = saved(picture, format, quality=quality, **({"progressive": True} if format == "JPEG" else {}))
    text = base64.b64encode(content).decode()
    assert checked(text, media_type=f"image/{format.lower()}", width=width, height=height) == content


def test_bombs_and_animations_are_refused_before_they_are_decoded() -> None:
    told = json.loads(GOLDEN.read_bytes())
    bomb = saved(Image.new("1", (5_000, 5_000)), "PNG")
    with pytest.raises(NotReadable, match="more than 2048 pixels a side"):
        read_trace(as_file(changed(told, "stages.0.picture", picture_part(bomb, "image/png", side=5_000))))
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    moving = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(NotReadable, match="animated"):
        read_trace(as_file(changed(told, "stages.0.picture", picture_part(moving, "image/webp"))))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_a_sentence_and_never_an_exception(data: st.DataObject) -> None:
    content = bytearray(GOLDEN.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=10))
    try:
        read_trace(bytes(content))
    except NotReadable as refused:
        assert refused.sentences
        assert all(sentence.endswith(".") for sentence in refused.sentences)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=20,
    ),
    st.sampled_from([*json.loads(GOLDEN.read_bytes() if GOLDEN.exists() else b"{}")]),
)
def test_any_json_in_place_of_a_field_is_read_or_refused(value: Any, field: str) -> None:
    told = {**json.loads(GOLDEN.read_bytes()), field: value}
    try:
        read_document(as_file(told))
    except NotReadable as refused:
        assert refused.sentences
