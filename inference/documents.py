"""A run's document: what its events told, kept as one JSON value, from which the same events can be told again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from inference.contracts import Attachment, Finished, Picture, Predicted, Result, StageRan
from inference.streams import BEFORE_ALL, EventId, StreamEvent

LOADING, STAGE, RESULT, PREDICTION, DONE = "loading", "stage", "result", "prediction", "done"


def begun(attempt: int, *, tries: int = 1) -> dict[str, Any]:
    """The document of an attempt that has run nothing yet; `tries` counts it among those of the same request."""
    return {"attempt": attempt, "tries": tries, "total": 0, "stages": []}


def beginning(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the first event carries: how often it was begun."""
    return {"tries": document.get("tries", 1)}


def add_stage(document: dict[str, Any], event: StageRan, *, picture_name: str | None) -> dict[str, Any]:
    """Write a stage into the document; returns it as its event carries it. The picture's bytes stay outside."""
    picture = None
    if event.picture is not None and picture_name is not None:
        picture = _file_entry(event.picture, name=picture_name)
    entry = {
        "index": event.index,
        "total": event.total,
        **fields_of(event.stage),
        "milliseconds": round(event.milliseconds, 3),
        "statistics": fields_of(event.statistics) if event.statistics is not None else None,
        "picture": picture,
    }
    document["total"] = event.total
    document["stages"].append(entry)
    return entry


def add_result(document: dict[str, Any], event: Result, *, file_names: Mapping[str, str]) -> dict[str, Any]:
    """Write a result into the document; returns it as its event carries it. `file_names` say where its files are kept."""
    results = document.setdefault("results", [])
    entry = {
        "name": event.name,
        "place": len(document["stages"]) + ("top_k" in document) + len(results),  # among all events
        "figures": dict(event.figures),
        "files": {key: _file_entry(file, name=file_names[key]) for key, file in event.files.items()},
    }
    results.append(entry)
    return entry


def _file_entry(file: Picture | Attachment, *, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "media_type": file.media_type}
    if isinstance(file, Picture):
        entry |= {
            "width": file.width,
            "height": file.height,
            "scale": file.scale,
            "maximum": file.maximum,
            "channels_shown": list(file.channels_shown),
            "maxima": list(file.maxima),
        }
    return entry


def add_prediction(document: dict[str, Any], event: Predicted) -> dict[str, Any]:
    """Write the classes of highest probability into the document; returns them as their event carries them."""
    document["top_k"] = [fields_of(prediction) for prediction in event.top_k]
    return {"top_k": document["top_k"]}


def add_end(document: dict[str, Any], event: Finished) -> dict[str, Any]:
    """Write what made the run and how long it took; returns both as the last event carries them."""
    document["made_by"] = fields_of(event.made_by)
    document["milliseconds"] = round(event.milliseconds, 3)
    return {"made_by": document["made_by"], "milliseconds": document["milliseconds"]}


def events_of(document: dict[str, Any] | None, *, after: EventId = BEFORE_ALL) -> list[StreamEvent]:
    """The events that made this document, with the ids they had, from after an id on: what is told when no stream is left."""
    if document is None:
        return []
    told: list[tuple[str, dict[str, Any]]] = [(LOADING, beginning(document))]
    told += [(STAGE, stage) for stage in document["stages"]]
    if "top_k" in document:
        told.append((PREDICTION, {"top_k": document["top_k"]}))
    for result in document.get("results", ()):
        told.insert(1 + result["place"], (RESULT, result))
    if "made_by" in document:
        told.append((DONE, {"made_by": document["made_by"], "milliseconds": document["milliseconds"]}))
    attempt = document["attempt"]
    events = [StreamEvent(EventId(attempt, sequence), name, data) for sequence, (name, data) in enumerate(told, start=1)]
    return [event for event in events if event.id > after]


def fields_of(value: Any) -> dict[str, Any]:
    """A contract's value as JSON's. Not `asdict`, which copies all that a value holds, for each of a run's many events."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
