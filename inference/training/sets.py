"""A learner's own photos in classes: made, filled, changed, forgotten. Whatever is uploaded is checked as every upload is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from PIL import Image

from accounts.models import User
from inference import services, wording
from inference.contracts import RunKind
from inference.images import CheckedImage, ImageRefused, Refusal, check_image
from inference.models import Job, JobState, PhotoSet, SetPhoto, Trace
from inference.training_contracts import CLASS_NAME_CHARACTERS, OWN_CLASSES, OWN_PHOTOS_PER_CLASS
from web.problems import Problem, not_found

SETS_KEPT = 5
"""How many photo sets one person may keep at a time."""

CLASSES_AT_LEAST, CLASSES_AT_MOST = int(OWN_CLASSES.lowest), int(OWN_CLASSES.highest)
PHOTOS_AT_LEAST, PHOTOS_PER_CLASS = int(OWN_PHOTOS_PER_CLASS.lowest), int(OWN_PHOTOS_PER_CLASS.highest)
NAME_LENGTH = 60

KEPT_SIDE = 512
"""The shorter side of a kept photo: training reads a whole set at once, and networks look at fewer pixels."""


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that was not taken: its name, as it came, and why."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Added:
    """What became of several files."""

    kept: tuple[SetPhoto, ...]
    refused: tuple[RefusedFile, ...]


# --- sets ---------------------------------------------------------------------------------------------------------------


def create_photo_set(*, owner: User, name: str, classes: Sequence[str], now: datetime) -> PhotoSet:
    """An empty set of the person's. Raises Problem 422 for its names, 429 for one too many."""
    named, titles = _checked_name(name), _checked_classes(classes)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).filter(pk=owner.pk).first()
        if owner.photo_sets.count() >= SETS_KEPT:
            sentence = _("You keep %(count)d photo sets here. Delete one of them, then make a new one.")
            raise Problem(429, _("Enough photo sets for now"), sentence % {"count": SETS_KEPT})
        return PhotoSet.objects.create(owner=owner, name=named, classes=titles, created_at=now, expires_at=expiry(now))


def rename_photo_set(*, photo_set: PhotoSet, name: str, classes: Sequence[str]) -> None:
    """Other names for a set and its classes, in the same order; more classes may follow. Raises Problem 422 and 409."""
    named, titles = _checked_name(name), _checked_classes(classes)
    _refuse_while_it_trains(photo_set)
    last = max((photo.class_index for photo in photo_set.photos.all()), default=-1)
    if last >= len(titles):
        sentence = _("“%(name)s” has photos. Remove them first, then take its name away.")
        raise Problem(422, _("A class with photos"), sentence % {"name": photo_set.classes[last]}, field="classes")
    photo_set.name, photo_set.classes = named, titles
    photo_set.save(update_fields=["name", "classes"])


def photo_set_for(*, set_id: UUID, person: User | None) -> PhotoSet:
    """The set, for its owner alone; Problem 404 for everybody else."""
    photo_set = PhotoSet.objects.filter(pk=set_id, owner=person).first() if person is not None else None
    if photo_set is None:
        raise not_found()
    return photo_set


def delete_photo_set(*, photo_set: PhotoSet, now: datetime) -> None:
    """Remove a set and all that came of it: its photos, the runs that trained on it, their heads, and the heads' trials."""
    trained = Trace.objects.select_related("job").filter(owner=photo_set.owner, **runs_on(photo_set))
    heads = [str(trace.job_id) for trace in trained]
    tried = Trace.objects.select_related("job").filter(
        owner=photo_set.owner, job__kind=RunKind.TRIAL, job__options__head_of__in=heads
    )
    for trace in [*tried, *trained]:
        services.delete_trace(trace=trace, now=now)
    remove_sets([photo_set])


def remove_sets(sets: Iterable[PhotoSet]) -> None:
    """Remove sets with their files, and nothing else."""
    for photo_set in sets:
        names = [str(photo.file.name) for photo in photo_set.photos.all()]
        photo_set.delete()
        for name in names:
            default_storage.delete(name)
        with suppress(OSError):
            default_storage.delete(_folder(photo_set))


def expire(*, now: datetime) -> int:
    """Remove the sets whose time is over, unless a run still needs one; returns how many."""
    overdue = [photo_set for photo_set in PhotoSet.objects.filter(expires_at__lte=now) if not is_training(photo_set)]
    remove_sets(overdue)
    return len(overdue)


def keep_longer(photo_set: PhotoSet, *, now: datetime) -> None:
    """A set that is used has its time to expire anew."""
    photo_set.expires_at = expiry(now)
    photo_set.save(update_fields=["expires_at"])


def runs_on(photo_set: PhotoSet) -> dict[str, Any]:
    """The filter that finds the traces that train on this set."""
    return {"job__kind": RunKind.TRAINING, "job__options__photo_set": str(photo_set.pk)}


def is_training(photo_set: PhotoSet) -> bool:
    """Whether a run on this set waits or runs."""
    unfinished = (JobState.WAITING, JobState.RUNNING)
    return Job.objects.filter(kind=RunKind.TRAINING, options__photo_set=str(photo_set.pk), state__in=unfinished).exists()


def _refuse_while_it_trains(photo_set: PhotoSet) -> None:
    if is_training(photo_set):
        sentence = _("A run is training on these photos. Let it finish or stop it, then change them.")
        raise Problem(409, _("In use"), sentence)


def _checked_name(name: str) -> str:
    named = " ".join(name.split())
    if not named or len(named) > NAME_LENGTH:
        sentence = _("Give the set a name of at most %(limit)d letters.")
        raise Problem(422, _("No name"), sentence % {"limit": NAME_LENGTH}, field="name")
    return named


def _checked_classes(classes: Sequence[str]) -> list[str]:
    """The classes' names without empty ones at the end; Problem 422 for too few, too many, too long or the same twice."""
    titles = [title for title in (" ".join(one.split()) for one in classes) if title]
    if not CLASSES_AT_LEAST <= len(titles) <= CLASSES_AT_MOST:
        sentence = _("Name %(least)d to %(most)d classes, such as “mug” and “glass”.")
        told = {"least": CLASSES_AT_LEAST, "most": CLASSES_AT_MOST}
        raise Problem(422, _("Not that many classes"), sentence % told, field="classes")
    if too_long := next((title for title in titles if len(title) > CLASS_NAME_CHARACTERS), ""):
        sentence = _("“%(name)s…” is too long for a class. Use at most %(limit)d letters.")
        words = sentence % {"name": too_long[:20], "limit": CLASS_NAME_CHARACTERS}
        raise Problem(422, _("A class’s name is too long"), words, field="classes")
    if len({title.casefold() for title in titles}) < len(titles):
        sentence = _("Two classes have the same name. Give each its own.")
        raise Problem(422, _("Two classes of one name"), sentence, field="classes")
    return titles


def counts_of(photo_set: PhotoSet) -> list[tuple[str, int]]:
    """The set's classes in order, each with how many photos it has."""
    counts = Counter(photo_set.photos.values_list("class_index", flat=True))
    return [(name, counts[index]) for index, name in enumerate(photo_set.classes)]


def too_small(photo_set: PhotoSet) -> list[str]:
    """The classes that have too few photos to be trained on."""
    return [name for name, count in counts_of(photo_set) if count < PHOTOS_AT_LEAST]


def expiry(now: datetime) -> datetime:
    """Until when what is used now is kept."""
    return now + timedelta(days=settings.TRACE_DAYS)


# --- photos -------------------------------------------------------------------------------------------------------------


def add_photos(*, photo_set: PhotoSet, class_index: int, files: Sequence[UploadedFile[Any]], now: datetime) -> Added:
    """Put photos into a class. Each file stands for itself: those that can't be used are named, the others are kept.

    Raises Problem 422 for a class that there is not or when no file came, and 507 when MEDIA_DIR can't take one.
    """
    if not 0 <= class_index < len(photo_set.classes):
        raise Problem(422, _("No such class"), _("Choose one of the set’s classes."), field="class")
    if not files:
        raise Problem(422, _("No photos"), _("Choose one photo or several, then add them."), field="photos")
    kept: list[SetPhoto] = []
    refused: list[RefusedFile] = []
    for number, file in enumerate(files):
        name = str(file.name or "")[-80:]
        if number >= PHOTOS_PER_CLASS:
            refused.append(RefusedFile(name, _full(photo_set.classes[class_index])))
            continue
        try:
            photo = _small(_checked(file))
        except ImageRefused as error:
            refused.append(RefusedFile(name, wording.refusal(error.refusal, error.details)))
            continue
        told = _put(photo, photo_set=photo_set, class_index=class_index, now=now)
        if isinstance(told, SetPhoto):
            kept.append(told)
        else:
            refused.append(RefusedFile(name, told))
    if kept:
        keep_longer(photo_set, now=now)
    return Added(tuple(kept), tuple(refused))


def _checked(file: UploadedFile[Any]) -> CheckedImage:
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        raise ImageRefused(Refusal.TOO_MANY_BYTES, limit=settings.UPLOAD_MAX_BYTES)
    return check_image(file.read())


def _small(photo: CheckedImage) -> CheckedImage:
    """The photo at no more pixels than training needs, as JPEG."""
    with Image.open(BytesIO(photo.content)) as file:
        image = file.convert("RGB")
    factor = min(1.0, KEPT_SIDE / min(image.size))
    if factor < 1:
        sides = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image = image.resize(sides, Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=92, subsampling=0)
    return CheckedImage(buffer.getvalue(), "image/jpeg", ".jpg", *image.size, photo.original, photo.changes)


def _put(photo: CheckedImage, *, photo_set: PhotoSet, class_index: int, now: datetime) -> SetPhoto | str:
    """The photo in its class, or the sentence that says why not."""
    with transaction.atomic():
        locked = PhotoSet.objects.select_for_update().get(pk=photo_set.pk)
        same = locked.photos.filter(sha256=photo.sha256).first()
        if same is not None:
            return _("This photo is in “%(name)s” already.") % {"name": locked.classes[same.class_index]}
        if locked.photos.filter(class_index=class_index).count() >= PHOTOS_PER_CLASS:
            return _full(locked.classes[class_index])
        kept = SetPhoto(
            photo_set=locked,
            class_index=class_index,
            sha256=photo.sha256,
            width=photo.width,
            height=photo.height,
            original={**asdict(photo.original), "changes": list(photo.changes)},
            created_at=now,
        )
        _keep_file(kept, f"{_folder(locked)}/{kept.pk}{photo.suffix}", photo.content)
        kept.save(force_insert=True)
        return kept


def _keep_file(photo: SetPhoto, name: str, content: bytes) -> None:
    try:
        photo.file.name = default_storage.save(name, ContentFile(content))
    except OSError as error:
        with suppress(OSError):  # a full disk takes the beginning of a file
            default_storage.delete(name)
        sentence = _(
            "The photo could not be kept: the site’s folder for photos is full or can’t be written to. Those before it are"
            " kept. Whoever runs this site has to make room in MEDIA_DIR or allow writing there; then add the others again."
        )
        raise Problem(507, _("No room for the photo"), sentence) from error


def _folder(photo_set: PhotoSet) -> str:
    return f"photo-sets/{photo_set.pk}"


def _full(name: str) -> str:
    return ngettext(
        "“%(name)s” has its %(count)d photo. Remove it to make room.",
        "“%(name)s” has its %(count)d photos. Remove some to make room.",
        PHOTOS_PER_CLASS,
    ) % {"name": name, "count": PHOTOS_PER_CLASS}


def photo_for(*, photo_id: UUID, person: User | None) -> SetPhoto:
    """A photo of a set, for the set's owner alone; Problem 404 for everybody else."""
    photo = None
    if person is not None:
        photo = SetPhoto.objects.select_related("photo_set").filter(pk=photo_id, photo_set__owner=person).first()
    if photo is None:
        raise not_found()
    return photo


def remove_photo(*, photo: SetPhoto) -> None:
    """Take a photo out of its set, with its file; Problem 409 while a run needs it."""
    _refuse_while_it_trains(photo.photo_set)
    name = str(photo.file.name)
    photo.delete()
    default_storage.delete(name)
