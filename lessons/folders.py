"""Course folders: the lossless form of a course. Load one, export one; loading an unchanged one does nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import yaml
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from inference.models import Proof
from inference.proofs import (
    LockEntry,
    LockError,
    Snippet,
    dump_lock,
    load_lock,
    proof_of,
    proofs_of,
    result_of,
    snippet_sha256,
    store_proofs,
)
from lessons.checks import Checked, check_contents
from lessons.documents import read_yaml
from lessons.drafts import Contents, contents_of, keep_picture
from lessons.models import Course, CourseRole, Draft, Lesson, LessonFile, LessonVersion, Membership
from lessons.parts import Finding, errors
from lessons.releases import make_version, release, snippets_in
from lessons.schema import COURSE_FILE, LESSON_FILE, LOCK_FILE, CourseDocument, read_course, read_lesson
from lessons.services import current_version, lessons_of
from web.problems import Problem

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif"}
TEXTS = {".md", ".yaml", ".json"}


class NotLoadable(Exception):
    """The folder has errors; `findings` names file and line of each. Nothing was written."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


@dataclass(slots=True)
class FolderReport:
    """What loading a folder did, lesson by lesson."""

    course: Course
    unchanged: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    drafted: list[str] = field(default_factory=list)  # edited in the studio since: the folder's words wait as a draft
    left_alone: list[str] = field(default_factory=list)  # edited in the studio since, and there is a draft already
    warnings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LessonFolder:
    """One lesson of a folder as it lies on disk."""

    name: str
    files: Mapping[str, str]
    pictures: Mapping[str, bytes]

    @property
    def sha256(self) -> str:
        named = {name: {"sha256": hashlib.sha256(content).hexdigest()} for name, content in self.pictures.items()}
        return Contents(self.files, named).sha256


@dataclass(frozen=True, slots=True)
class CourseFolder:
    """A course folder as it lies on disk: read, not yet checked."""

    path: Path
    text: str
    document: CourseDocument
    lock: str
    lessons: list[LessonFolder]

    @property
    def sha256(self) -> str:
        whole = "\n".join([self.text, self.lock, *(f"{lesson.name} {lesson.sha256}" for lesson in self.lessons)])
        return hashlib.sha256(whole.encode()).hexdigest()


def read_folder(path: Path) -> CourseFolder:
    """The folder's files; raises NotLoadable when course.yaml or the set of files is not right."""
    findings: list[Finding] = []
    text = _text(path / COURSE_FILE, COURSE_FILE, findings)
    if findings:
        raise NotLoadable(findings)
    document, findings = read_course(text)
    if document is None:
        raise NotLoadable(findings)
    lines = read_yaml(text, COURSE_FILE)
    lessons = []
    for index, name in enumerate(document.lessons):
        if (path / name).is_dir():
            lessons.append(_lesson_folder(path / name, findings))
        else:
            message = _("There is no folder “%(name)s”. Add it, or take it out of “lessons”.") % {"name": name}
            findings.append(Finding(COURSE_FILE, lines.line(("lessons", index)), message))
    for unlisted in sorted(item.name for item in path.iterdir() if item.is_dir() and item.name not in document.lessons):
        if not unlisted.startswith((".", "__")):
            message = _("The folder “%(name)s” isn’t in “lessons” of course.yaml. Add it there, or move it away.")
            findings.append(Finding(unlisted, 0, message % {"name": unlisted}))
    lock_path = path / LOCK_FILE
    lock = _text(lock_path, LOCK_FILE, findings) if lock_path.exists() else ""
    if findings:
        raise NotLoadable(findings)
    return CourseFolder(path, text, document, lock, lessons)


def _lesson_folder(path: Path, findings: list[Finding]) -> LessonFolder:
    files: dict[str, str] = {}
    pictures: dict[str, bytes] = {}
    for item in sorted(path.iterdir()):
        where = f"{path.name}/{item.name}"
        if item.name.startswith("."):
            continue
        if item.is_symlink() or not item.is_file():
            findings.append(Finding(where, 0, _("A lesson’s folder holds files only. Move this away.")))
        elif item.suffix.lower() in PICTURES:
            pictures[item.name] = item.read_bytes()
        elif item.suffix.lower() in TEXTS:
            files[item.name] = _text(item, where, findings)
        else:
            findings.append(Finding(where, 0, _("A lesson’s folder holds .md, .yaml, .json and pictures. Move this away.")))
    return LessonFolder(path.name, files, pictures)


def _text(path: Path, name: str, findings: list[Finding]) -> str:
    try:
        content = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        findings.append(Finding(name, 0, _("The file is missing. Add it.")))
        return ""
    except UnicodeDecodeError:
        findings.append(Finding(name, 0, _("The file is not UTF-8 text. Save it as UTF-8.")))
        return ""
    if "\x00" in content:
        findings.append(Finding(name, 0, _("The file holds a NUL character. Remove it.")))
    return content


def load_folder(path: Path | str, *, author: User | None = None, now: datetime) -> FolderReport:
    """Makes the site show the course folder; loading an unchanged one does nothing.

    All in one transaction. A lesson that was edited in the studio since it was last loaded keeps what learners see: the
    folder's words become its draft, or are left alone when it has a draft already. Recorded proofs are trusted. With an
    `author` a new course is theirs. Raises NotLoadable.
    """
    folder = read_folder(Path(path))
    course = Course.objects.filter(uid=folder.document.uid).first()
    if course and course.folder_sha256 == folder.sha256:
        return FolderReport(course, unchanged=[lesson.name for lesson in folder.lessons])
    with transaction.atomic():
        return _Loading(folder, author, now).run()


class _Loading:
    """One folder on its way into the database, inside a transaction."""

    def __init__(self, folder: CourseFolder, author: User | None, now: datetime) -> None:
        self.folder, self.author, self.now = folder, author, now
        self.findings: list[Finding] = []
        self.versions: dict[int, LessonVersion] = {}

    def run(self) -> FolderReport:
        self._keep_proofs()
        self.course = self._course()
        self.report = FolderReport(self.course)
        for position, folder in enumerate(self.folder.lessons):
            self._lesson(folder, position)
        if self.findings:
            raise NotLoadable(sorted(self.findings))
        Lesson.objects.filter(course=self.course).exclude(slug__in=self.folder.document.lessons).update(listed=False)
        release(self.course, self.versions, author=self.author, note=_("Loaded from a course folder"), now=self.now)
        if not self.report.left_alone:
            Course.objects.filter(pk=self.course.pk).update(folder_sha256=self.folder.sha256)
        return self.report

    def _keep_proofs(self) -> None:
        try:
            self.lock = load_lock(self.folder.lock)
        except LockError as error:
            raise NotLoadable([Finding(LOCK_FILE, 0, str(error))]) from error
        store_proofs({sha256: entry.result for sha256, entry in self.lock.items()}, now=self.now)

    def _proof(self, snippet: Snippet) -> Proof | None:
        """The snippet's fresh proof, or the one that the folder brought along for other versions."""
        fresh = proof_of(snippet)
        entry = self.lock.get(snippet_sha256(snippet))
        if fresh or entry is None:
            return fresh
        rows = Proof.objects.filter(snippet_sha256=snippet_sha256(snippet))
        return rows.order_by("-proved_at", "-pk").first()

    def _course(self) -> Course:
        document = self.folder.document
        course = Course.objects.select_for_update().filter(uid=document.uid).first()
        taken = Course.objects.filter(slug=document.slug).exclude(uid=document.uid)
        if taken.exists():
            message = _("Another course has the slug “%(slug)s”. Choose another.") % {"slug": document.slug}
            line = read_yaml(self.folder.text, COURSE_FILE).line(("slug",))
            raise NotLoadable([Finding(COURSE_FILE, line, message)])
        is_new = course is None
        course = course or Course(uid=document.uid, position=Course.objects.count(), created_at=self.now)
        if is_new or course.document != self.folder.text:
            apply_document(course, document)
            course.document = self.folder.text
            course.revision = 1 if is_new else course.revision + 1
        course.lock = self.folder.lock
        course.save()
        if is_new and self.author:
            Membership.objects.create(course=course, user=self.author, role=CourseRole.OWNER)
        return course

    def _lesson(self, folder: LessonFolder, position: int) -> None:
        document = read_lesson(folder.files.get(LESSON_FILE, ""))
        if document.meta is None:
            self._note(folder, document.findings)
            return
        if document.meta.slug != folder.name:
            message = _("The lesson’s folder is named “%(folder)s”: its slug must be the same.") % {"folder": folder.name}
            self._note(folder, [Finding(LESSON_FILE, document.line("slug"), message)])
        lesson = self._row(folder, document.meta.uid, position)
        if lesson is None:
            message = _("Another course has a lesson with this uid. Make up a new one.")
            self._note(folder, [Finding(LESSON_FILE, document.line("uid"), message)])
            return
        if folder.sha256 == lesson.loaded_sha256:
            self.report.unchanged.append(folder.name)
            return
        contents = self._contents(folder, lesson)
        if self._is_edited_here(lesson):
            self._draft(folder, lesson, contents)
            return
        checked = check_contents(contents, lesson=lesson, course=self.course, proofs=self._proof)
        self._note(folder, checked.findings)
        if not errors(checked.findings):
            self._publish(folder, lesson, checked)

    def _row(self, folder: LessonFolder, uid: str, position: int) -> Lesson | None:
        lesson = Lesson.objects.filter(uid=uid).first() or Lesson(course=self.course, uid=uid, created_at=self.now)
        if lesson.course_id != self.course.pk:
            return None
        lesson.slug, lesson.position, lesson.listed = folder.name, position, True
        # A lesson that is no longer in the folder may stand in the way of one that took its slug.
        Lesson.objects.filter(course=self.course, slug=folder.name).exclude(uid=uid).update(slug=f"{folder.name}-{uid}"[:80])
        lesson.save()
        return lesson

    def _contents(self, folder: LessonFolder, lesson: Lesson) -> Contents:
        pictures = {}
        for name, content in folder.pictures.items():
            try:
                pictures[name] = keep_picture(lesson, name, content)
            except Problem as problem:
                self._note(folder, [Finding(name, 0, problem.detail)])
        return Contents(folder.files, pictures)

    def _is_edited_here(self, lesson: Lesson) -> bool:
        """Whether learners see, or authors prepare, something other than what the folder brought last time."""
        version = current_version(lesson)
        draft = Draft.objects.filter(lesson=lesson).first()
        if version is None:
            return draft is not None and bool(draft.files)
        if version.files_sha256 != lesson.loaded_sha256:
            return True
        return draft is not None and contents_of(draft).sha256 != version.files_sha256

    def _draft(self, folder: LessonFolder, lesson: Lesson, contents: Contents) -> None:
        version = current_version(lesson)
        draft = Draft.objects.filter(lesson=lesson).first()
        published = version.files_sha256 if version else ""
        if draft and contents_of(draft).sha256 not in (published, contents.sha256):
            self.report.left_alone.append(folder.name)
            return
        draft = draft or Draft(lesson=lesson, revision=0, base_version=version.number if version else 0)
        draft.files, draft.pictures = dict(contents.files), {name: dict(picture) for name, picture in contents.pictures.items()}
        draft.revision += 1
        draft.updated_at, draft.updated_by = self.now, self.author
        draft.save()
        Lesson.objects.filter(pk=lesson.pk).update(loaded_sha256=folder.sha256)
        self.report.drafted.append(folder.name)

    def _publish(self, folder: LessonFolder, lesson: Lesson, checked: Checked) -> None:
        version = make_version(checked, lesson=lesson, author=self.author, now=self.now)
        self.versions[lesson.pk] = version
        Lesson.objects.filter(pk=lesson.pk).update(loaded_sha256=folder.sha256)
        Draft.objects.filter(lesson=lesson).delete()  # it said the same as the version it began from
        self.report.published.append(folder.name)

    def _note(self, folder: LessonFolder, findings: list[Finding]) -> None:
        """Keeps findings with the folder's name before the file's; warnings stop nothing."""
        named = [replace(finding, file=f"{folder.name}/{finding.file}") for finding in findings]
        stopping = errors(named)
        self.findings += stopping
        self.report.warnings += [finding for finding in named if finding not in stopping]


def apply_document(course: Course, document: CourseDocument) -> None:
    """Copies what course.yaml says about the course itself into its row; saving is the caller's."""
    for name in ("slug", "title", "subtitle", "summary", "subject", "tags", "level", "prerequisites", "language"):
        setattr(course, name, getattr(document, name))


def document_of(course: Course, lessons: list[str]) -> CourseDocument:
    """What course.yaml says about a course with these lessons."""
    return CourseDocument(
        uid=course.uid,
        slug=course.slug,
        title=course.title,
        subtitle=course.subtitle,
        summary=course.summary,
        subject=course.subject,
        tags=course.tags,
        level=course.level,  # type: ignore[arg-type]
        prerequisites=course.prerequisites,
        language=course.language,
        lessons=lessons,
    )


def export_folder(course: Course, path: Path | str) -> list[Path]:
    """Writes the course as learners see it into a folder that is new or empty; returns the files written.

    What was loaded and not changed since comes out byte for byte as it came in.
    """
    root = Path(path)
    if root.exists() and any(root.iterdir()):
        raise NotLoadable([Finding(str(root.name), 0, _("The folder is not empty. Name a new one."))])
    versions = [LessonVersion.objects.select_related("lesson").get(pk=version.pk) for version in lessons_of(course)]
    slugs = [version.lesson.slug for version in versions]
    texts = {COURSE_FILE: course_text(course, slugs)}
    for version in versions:
        texts |= {f"{version.lesson.slug}/{name}": text for name, text in version.files.items()}
    if lock := _lock_text(course, versions):
        texts[LOCK_FILE] = lock
    contents = {name: text.encode() for name, text in texts.items()}
    for version in versions:
        for name, picture in version.pictures.items():
            kept = LessonFile.objects.get(lesson=version.lesson, name=name, sha256=picture["sha256"])
            contents[f"{version.lesson.slug}/{name}"] = kept.file.read()
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return [root / name for name in sorted(contents)]


def course_text(course: Course, slugs: list[str]) -> str:
    """course.yaml as it was loaded while it still says the same, else written anew."""
    said, _findings = read_course(course.document) if course.document else (None, [])
    document = document_of(course, slugs)
    if said == document:
        return course.document
    fields = document.model_dump()
    kept = {name: value for name, value in fields.items() if value or name in ("uid", "slug", "title", "lessons")}
    return yaml.dump(kept, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _lock_text(course: Course, versions: list[LessonVersion]) -> str:
    """proofs.lock.yaml as it was loaded while it covers the same snippets, else written anew."""
    loaded = load_lock(course.lock)
    used: dict[str, list[str]] = {}
    snippets: dict[str, Snippet] = {}
    for version in versions:
        for where, snippet in snippets_in(version.files):
            sha256 = snippet_sha256(snippet)
            used.setdefault(sha256, []).append(f"{version.lesson.slug}/{where}")
            snippets[sha256] = snippet
    if set(loaded) == set(used):
        return course.lock
    fresh = proofs_of(snippets.values())
    entries = {
        sha256: loaded.get(sha256) or LockEntry(result_of(fresh[sha256]), tuple(where))
        for sha256, where in used.items()
        if sha256 in loaded or sha256 in fresh
    }
    return dump_lock(entries) if entries else ""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks and lists below their keys, as a person would."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if any(mark in text for mark in "\x85\u2028\u2029\r\ufeff"):
        style = '"'  # YAML takes these for line ends: only there they can be written as escapes
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
