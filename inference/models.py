"""What is kept of runs: who asked (Trace), what runs (Job), what was uploaded, what was computed and proved."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inference.contracts import RunKind


class Upload(models.Model):
    """A learner's own photo: checked, turned upright, without its metadata. Only its owner's traces show it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    sha256 = models.CharField(max_length=64, db_index=True)
    file = models.FileField(upload_to="uploads/")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    original = models.JSONField(default=dict)  # format, mode, width, height, bytes, frames, what was done to it
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "sha256"], name="one_upload_per_owner_and_image")]

    def __str__(self) -> str:
        return f"{self.width}×{self.height} photo"


class JobState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class Job(models.Model):
    """One run: of one kind, of one network, mostly on one image, with one set of options, whoever asked for it.

    waiting → running when a worker takes the lease; running → waiting when the lease runs out and attempts are left;
    running → done | failed; waiting | running → cancelled when no live Trace wants it.
    failed | cancelled → waiting when somebody asks for the same again.

    Whoever runs a job holds the number of its attempt: a worker that lost its lease, and whose attempt is no longer the
    newest, changes nothing any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=16, default=RunKind.TRACE)  # contracts.RunKind
    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.WAITING)
    network = models.CharField(max_length=80)
    options = models.JSONField(default=dict)
    sample = models.CharField(max_length=80, blank=True)  # a sample's id, or empty and an upload
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs")
    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True)  # none: no worker has been told yet (the queue could not be reached)
    lease_until = models.DateTimeField(null=True, blank=True)
    holder = models.CharField(max_length=64, blank=True)  # the process that has the lease: holders.me()
    deadline = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)  # only ever grows: it begins the ids of events
    attempts_allowed = models.PositiveIntegerField(default=0)  # grows when somebody asks again
    failure = models.CharField(max_length=40, blank=True)  # contracts.Failure
    failure_details = models.JSONField(default=dict)
    document = models.JSONField(null=True, blank=True)  # stages, statistics, results, top_k, made_by, picture names

    class Meta:
        indexes = [models.Index(fields=["state", "queued_at"]), models.Index(fields=["state", "-finished_at"])]

    def __str__(self) -> str:
        return f"{self.network} {self.state}"

    @property
    def is_finished(self) -> bool:
        """Done, failed or cancelled: nothing more will happen unless somebody asks again."""
        return self.state not in (JobState.WAITING, JobState.RUNNING)

    @property
    def has_attempts_left(self) -> bool:
        return self.attempts < self.attempts_allowed

    @property
    def tries(self) -> int:
        """How many attempts have begun since it was last asked for."""
        return self.attempts - (self.attempts_allowed - settings.TRACE_ATTEMPTS)


class Trace(models.Model):
    """One person's request to see a Job. Its state is the job's, unless the person stopped it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="traces"
    )  # none: the house's own
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="traces")
    share_token = models.CharField(max_length=43, null=True, blank=True, unique=True)
    prediction = models.CharField(max_length=200, blank=True)  # what the learner said would come out, before the run
    created_at = models.DateTimeField(default=timezone.now)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    pinned = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-created_at"]), models.Index(fields=["expires_at"])]

    def __str__(self) -> str:
        return f"trace {self.pk}"

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_at is not None


class PhotoSet(models.Model):
    """A learner's own photos in two to five classes, to train a head on. Nobody else sees it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="photo_sets")
    name = models.CharField(max_length=60)
    classes = models.JSONField(default=list)  # their names in order; a photo's class_index counts in it
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class SetPhoto(models.Model):
    """One photo of a set: checked like any upload, then made small, because training looks at few pixels and reads them all.

    A photo stands in a set once: the same one in two classes, or twice in one, would be learned and then be asked about.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    photo_set = models.ForeignKey(PhotoSet, on_delete=models.CASCADE, related_name="photos")
    class_index = models.PositiveSmallIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(upload_to="photo-sets/")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    original = models.JSONField(default=dict)  # as in Upload
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo_set", "sha256"], name="one_photo_per_set_and_image")]
        ordering = ["class_index", "created_at", "pk"]

    def __str__(self) -> str:
        return f"{self.width}×{self.height} photo"


class Fact(models.Model):
    """One computed figure about a network. `key` is a dotted path: "parameters", "stages.layer3.output_shape"."""

    network = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    value = models.JSONField()
    torch = models.CharField(max_length=40)
    torchvision = models.CharField(max_length=40)
    engine = models.CharField(max_length=40)
    computed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["network", "key", "torch", "torchvision", "engine"], name="one_value_per_fact_and_versions"
            )
        ]

    def __str__(self) -> str:
        return f"{self.network}.{self.key}"


class Proof(models.Model):
    """What a snippet printed when it ran, and on which versions. A proof on other versions than today's is stale."""

    snippet_sha256 = models.CharField(max_length=64)
    torch = models.CharField(max_length=40)
    torchvision = models.CharField(max_length=40)
    python = models.CharField(max_length=40)
    output = models.TextField(blank=True)
    raised = models.CharField(max_length=120, blank=True)  # the exception's class, empty when it ended well
    message = models.TextField(blank=True)  # the exception's message
    warnings = models.JSONField(default=list)
    missing = models.CharField(max_length=200, blank=True)  # what it requires and this machine lacks: not recorded
    proved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["snippet_sha256", "torch", "torchvision"], name="one_proof_per_snippet_and_versions"
            )
        ]

    def __str__(self) -> str:
        return self.snippet_sha256[:12]
