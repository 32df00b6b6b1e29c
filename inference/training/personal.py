"""What is kept of a person in training: photo sets and heads. inference.personal, the room's part of one's data, asks here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from django.core.files.storage import default_storage

from accounts.models import User
from inference.contracts import RunKind
from inference.models import PhotoSet, SetPhoto, Trace
from inference.training import sets, wording
from inference.training.material import checkpoint_name
from inference.training.services import has_head


def export(user: User) -> dict[str, Any]:
    """The person's photo sets with what is known of each photo, and their training runs with what came out."""
    return {
        "photo_sets": [_photo_set(photo_set) for photo_set in user.photo_sets.order_by("created_at")],
        "training_runs": [_run(trace) for trace in _runs(user)],
    }


def files(user: User) -> Iterator[tuple[str, bytes]]:
    """The photos of the person's sets and the checkpoints of their heads, each under the name that export() gives it."""
    named = [(_photo_name(photo), str(photo.file.name)) for photo in _photos(user)]
    named += [(_head_name(trace), checkpoint_name(trace.job)) for trace in _runs(user) if has_head(trace.job)]
    for name, kept in named:
        try:
            with default_storage.open(kept) as file:
                yield name, file.read()
        except FileNotFoundError:
            continue  # erased at this moment


def erase(user: User) -> None:
    """Removes the person's photo sets with their photos. Runs and heads go with their traces."""
    sets.remove_sets(user.photo_sets.all())


def merge(guest: User, user: User) -> None:
    """A guest's photo sets become the account's."""
    guest.photo_sets.update(owner=user)


def _runs(user: User) -> list[Trace]:
    return list(user.traces.filter(job__kind=RunKind.TRAINING).select_related("job").order_by("created_at"))


def _photos(user: User) -> list[SetPhoto]:
    return list(SetPhoto.objects.filter(photo_set__owner=user).order_by("created_at", "pk"))


def _photo_set(photo_set: PhotoSet) -> dict[str, Any]:
    return {
        "id": str(photo_set.pk),
        "name": photo_set.name,
        "classes": photo_set.classes,
        "created_at": photo_set.created_at,
        "expires_at": photo_set.expires_at,
        "photos": [
            {
                "file": _photo_name(photo),
                "class": photo_set.classes[photo.class_index],
                "width": photo.width,
                "height": photo.height,
                "original": photo.original,
                "created_at": photo.created_at,
            }
            for photo in photo_set.photos.all()
        ],
    }


def _run(trace: Trace) -> dict[str, Any]:
    results = (trace.job.document or {}).get("results", ())
    return {
        "id": str(trace.pk),
        "title": wording.what_trained(trace.job.options),
        "options": trace.job.options,
        "epochs": [result["figures"] for result in results if result["name"].startswith("epoch:")],
        "confusion": next((result["figures"] for result in results if result["name"] == "confusion"), None),
        "head": _head_name(trace) if has_head(trace.job) else None,
        "kept": trace.pinned,
        "created_at": trace.created_at,
    }


def _photo_name(photo: SetPhoto) -> str:
    return f"photo-sets/{photo.photo_set_id}/{PurePosixPath(str(photo.file.name)).name}"


def _head_name(trace: Trace) -> str:
    return f"heads/{trace.pk}.pt"
