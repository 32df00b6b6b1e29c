"""Courses and lessons: what stays (Course, Lesson), what readers see (LessonVersion, Release), what authors work on (Draft)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class CourseRole(models.TextChoices):
    OWNER = "owner", _("owner")  # may also add and remove authors
    AUTHOR = "author", _("author")


class Level(models.TextChoices):
    BEGINNER = "beginner", _("beginner")
    INTERMEDIATE = "intermediate", _("intermediate")
    ADVANCED = "advanced", _("advanced")


class Course(models.Model):
    """A course. What learners see of its lessons is its newest Release."""

    uid = models.CharField(max_length=64, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(_("title"), max_length=200)
    subtitle = models.CharField(_("subtitle"), max_length=300, blank=True)
    summary = models.TextField(_("summary"), blank=True)  # Markdown
    subject = models.CharField(_("subject"), max_length=80, blank=True)
    tags = models.JSONField(default=list, blank=True)
    level = models.CharField(_("level"), max_length=16, choices=Level.choices, default=Level.BEGINNER)
    prerequisites = models.JSONField(default=list, blank=True)
    language = models.CharField(_("language"), max_length=16, default="en")
    position = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=1)  # compare-and-set for its own form
    created_at = models.DateTimeField(default=timezone.now)
    document = models.TextField(blank=True)  # its course.yaml as last loaded: exported as it is while it still says the same
    lock = models.TextField(blank=True)  # its proofs.lock.yaml as last loaded
    folder_sha256 = models.CharField(max_length=64, blank=True)  # of the folder it was last loaded from

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title


class Membership(models.Model):
    """Who may work on a course in the studio."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=CourseRole.choices, default=CourseRole.AUTHOR)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["course", "user"], name="one_membership_per_course_and_user")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class Lesson(models.Model):
    """A lesson's lasting identity; its words are in its versions."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="lessons")
    uid = models.CharField(max_length=64, unique=True)
    slug = models.SlugField(max_length=80)
    position = models.PositiveIntegerField(default=0)
    listed = models.BooleanField(default=True)  # no: the next release leaves it out
    loaded_sha256 = models.CharField(max_length=64, blank=True)  # of its folder when it was last loaded from one
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["course", "slug"], name="one_slug_per_course")]

    def __str__(self) -> str:
        return self.slug


class LessonVersion(models.Model):
    """What readers saw, for good: insert-only, a trigger refuses UPDATE.

    `files` is the lesson's part of a course folder as it was published ("lesson.md", "questions.yaml", pictures excluded):
    exporting writes it back byte for byte. `facts` are the values of every figure its words show, frozen.
    """

    lesson = models.ForeignKey(Lesson, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    subtitle = models.CharField(max_length=300, blank=True)
    meta = models.JSONField()  # the validated front matter
    body = models.TextField()  # Markdown with blocks, without the front matter
    files = models.JSONField()
    files_sha256 = models.CharField(max_length=64)  # of files and pictures
    pictures = models.JSONField(default=dict)  # name → {sha256, width, height} of the LessonFile it names
    facts = models.JSONField(default=dict)
    outputs = models.JSONField(default=dict)  # code sample id → recorded output with versions, or why there is none
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["lesson", "number"], name="one_number_per_lesson")]

    def __str__(self) -> str:
        return f"{self.title} v{self.number}"


class Release(models.Model):
    """What a course shows from one moment on: insert-only. The newest is the current one."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField()
    note = models.CharField(max_length=300, blank=True)
    published_at = models.DateTimeField(default=timezone.now)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["course", "number"], name="one_number_per_course")]

    def __str__(self) -> str:
        return f"release {self.number}"


class ReleaseLesson(models.Model):
    """One lesson of a release, at its place, in one exact version."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="release_lessons")
    position = models.PositiveIntegerField()
    lesson_version = models.ForeignKey(LessonVersion, on_delete=models.PROTECT, related_name="release_lessons")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["release", "position"], name="one_lesson_per_position")]

    def __str__(self) -> str:
        return f"{self.position}: {self.lesson_version}"


class Draft(models.Model):
    """What authors work on.

    Saving states the revision it began from; another one in between is a conflict, which is shown and overwrites nothing.
    """

    lesson = models.OneToOneField(Lesson, on_delete=models.CASCADE, related_name="draft")
    files = models.JSONField(default=dict)  # "lesson.md", "questions.yaml": the same documents a course folder holds
    pictures = models.JSONField(default=dict)  # name → {sha256, width, height}
    revision = models.PositiveIntegerField(default=1)
    base_version = models.PositiveIntegerField(default=0)  # the version number it began from, 0 for none
    updated_at = models.DateTimeField(default=timezone.now)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"draft of {self.lesson}, revision {self.revision}"


class LessonFile(models.Model):
    """A picture that belongs to a lesson, by content: versions name it and it never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="pictures")
    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    file = models.FileField(upload_to="lessons/")
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lesson", "name", "sha256"], name="one_file_per_lesson_name_and_content")
        ]

    def __str__(self) -> str:
        return self.name


class PublishLog(models.Model):
    """Who published what, when and why: append-only."""

    lesson_version = models.ForeignKey(LessonVersion, on_delete=models.PROTECT, related_name="log")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="log")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    note = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.lesson_version} at {self.at:%Y-%m-%d %H:%M}"


class Visit(models.Model):
    """Where a person last was in a lesson, so that the home page can say "Continue"."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="visits")
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="visits")
    mode = models.CharField(max_length=24)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "lesson"], name="one_visit_per_person_and_lesson")]
        indexes = [models.Index(fields=["user", "-at"])]

    def __str__(self) -> str:
        return self.mode


class CaseAnswer(models.Model):
    """One person's way through one broken run of a lesson's Break mode: formative, without points.

    predicted → found → explained → fixed. Each is written once and kept; beginning again removes the row.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="case_answers")
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="case_answers")
    case = models.CharField(max_length=80)  # its id in the lesson
    about = models.CharField(max_length=64)  # hash of what was asked: answers to another question are not this one's
    predicted = models.CharField(max_length=8)
    found = models.CharField(max_length=80, blank=True)  # a mistake's name
    explained = models.CharField(max_length=10, blank=True)  # an explanation's id
    fixed = models.CharField(max_length=10, blank=True)  # a line of code's id
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "lesson", "case"], name="one_answer_per_person_and_case")]

    def __str__(self) -> str:
        return self.case
