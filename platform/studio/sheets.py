"""Pages that edit a part of a draft: one way to open, preview, rearrange and save for all of them, and to meet a conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from lessons.models import Lesson
from lessons.publishing import open_draft
from studio.access import author_of
from studio.conflicts import ClashError, Difference, differences, fingerprint
from studio.documents import Values
from studio.editing import Files, Part, Saved, save_part
from studio.forms import Need, RowKind, Sheet, StudioForm
from studio.frame import lesson_frame, saved_sentence
from studio.yamltext import UnreadableError
from web.problems import Problem, not_found

CONFLICT = 409
UNUSABLE = 422
SCRIPTED = ("autosave", "compare")
"""What a form posts without leaving the page: to be saved, and whether what a browser kept is what is saved."""


@dataclass(slots=True)
class SheetPage:
    """One part of a lesson's draft on one page."""

    request: HttpRequest
    lesson: Lesson
    part: Part
    form: type[StudioForm]
    kinds: Mapping[str, RowKind]
    template: str
    url: str  # of this page
    options: Callable[[Files], Mapping[str, Sequence[tuple[str, Any]]]] = lambda _files: {}
    needs: Callable[[Files], Iterable[Need]] = lambda _files: ()  # what the saved part lacks to be published
    finish: Callable[[Values], Values] = lambda values: values  # what a form leaves out: ids of new rows
    preview: Callable[[Files], SafeString] | None = None  # the learner's view of files that are not saved
    blank: Values | None = None  # what a part that isn't there yet begins with; none: it must be there
    after: str = ""  # where to go once saved; this page when empty
    context: dict[str, Any] = field(default_factory=dict)

    def respond(self) -> HttpResponse:
        """The page for GET and for everything that its form posts."""
        draft = open_draft(self.lesson)
        if self.request.method == "POST":
            return self._posted(draft.files)
        try:
            current = self.part.read(draft.files)
        except UnreadableError as error:
            return self._as_document(error)
        if current is None and self.blank is None:
            raise not_found()
        sheet = Sheet(self.form, self.kinds, values=current or self.blank, options=self.options(draft.files))
        sheet.tell(self.needs(draft.files))
        return self._page(sheet, opened_with=fingerprint(current), revision=draft.revision)

    def _posted(self, files: Files) -> HttpResponse:
        sheet = Sheet(self.form, self.kinds, posted=self.request.POST, options=self.options(files))
        act = self.request.POST.get("act", "save")
        opened_with = self.request.POST.get("opened_with", "")
        revision = int(text) if (text := self.request.POST.get("revision", "")).isdecimal() and len(text) < 10 else 0
        if act in SCRIPTED:
            return self._scripted(act, sheet, files, opened_with, revision)
        try:
            self.part.read(files)
            if act == "save":
                return self._save(sheet, opened_with, revision)
            if act == "preview":
                return self._preview(sheet, files, opened_with, revision)
            if act == "take":
                return self._take(sheet, files, revision)
        except UnreadableError as error:  # somebody's doing since the form was opened: what was written here stays
            sheet.form.add_error(None, self._unreadable(error))
            return self._page(sheet, opened_with=opened_with, revision=revision, status=CONFLICT, touched=True)
        return self._page(sheet.after(act), opened_with=opened_with, revision=revision, touched=True)

    def _save(self, sheet: Sheet, opened_with: str, revision: int) -> HttpResponse:
        if not sheet.is_valid():
            return self._page(sheet, opened_with=opened_with, revision=revision, status=UNUSABLE, touched=True)
        values = self.finish(sheet.values)
        try:
            saved = self._saved(values, opened_with, revision)
        except ClashError as clash:
            found = differences(sheet, clash.theirs or {}, values)
            return self._page(
                sheet, opened_with=clash.fingerprint, revision=revision, status=CONFLICT, clash=clash, found=found, touched=True
            )
        except Problem as problem:  # too long to be kept: what was written stays on the page
            sheet.form.add_error(None, problem.detail)
            return self._page(sheet, opened_with=opened_with, revision=revision, status=problem.status, touched=True)
        if saved.merged_with:
            messages.info(
                self.request, _("Saved. %(name)s changed other parts meanwhile; both are kept.") % {"name": saved.merged_with}
            )
        return redirect(self.after or self.url)

    def _saved(self, values: Values, opened_with: str, revision: int) -> Saved:
        """The draft with these values in it; raises ClashError and Problem as `save_part` does."""
        return save_part(
            lesson=self.lesson,
            part=self.part,
            values=values,
            opened_with=opened_with,
            revision=revision,
            author=author_of(self.request),
            now=timezone.now(),
        )

    def _scripted(self, act: str, sheet: Sheet, files: Files, opened_with: str, revision: int) -> HttpResponse:
        """What a form that saves itself is told, as JSON."""
        try:
            current = self.part.read(files)
            if act == "autosave":
                return self._autosave(sheet, opened_with, revision)
            same = sheet.is_valid() and self.part.write(files, self.finish(sheet.values)) == files
            return JsonResponse({"same": same, "opened_with": fingerprint(current)})
        except UnreadableError as error:
            return _told(CONFLICT, self._unreadable(error))

    def _autosave(self, sheet: Sheet, opened_with: str, revision: int) -> HttpResponse:
        """What became of the form that saves itself, as JSON: a sentence, and what the next save has to say it began from."""
        if not sheet.is_valid():
            _field, label, message = next(iter(sheet.errors))
            words = _("%(label)s: %(message)s") % {"label": label, "message": message} if label else message
            return _told(UNUSABLE, _("Not saved yet. %(problem)s") % {"problem": words})
        try:
            saved = self._saved(self.finish(sheet.values), opened_with, revision)
        except ClashError as clash:
            words = _(
                "Not saved: %(name)s saved this meanwhile. Your words stay in the form. Choose “Save draft” to see both side by"
                " side and decide."
            )
            return _told(CONFLICT, words % {"name": clash.author or _("somebody")})
        except Problem as problem:
            return _told(problem.status, problem.detail)
        return JsonResponse(
            {
                "detail": saved_sentence(self.lesson, saved),
                "opened_with": fingerprint(self.part.read(saved.draft.files)),
                "revision": saved.draft.revision,
                "url": self.after or self.url,
            }
        )

    def _preview(self, sheet: Sheet, files: Files, opened_with: str, revision: int) -> HttpResponse:
        html = None
        if sheet.is_valid() and self.preview:
            html = self.preview(self.part.write(files, self.finish(sheet.values)))
        if "fragment" in self.request.GET:
            return render(self.request, "studio/_preview.html", {"preview": html, "problems": sheet.errors})
        return self._page(sheet, opened_with=opened_with, revision=revision, preview=html, touched=True)

    def _take(self, sheet: Sheet, files: Files, revision: int) -> HttpResponse:
        """Their words in place of mine in the fields that were ticked; nothing is saved by that."""
        theirs = self.part.read(files) or {}
        taken = {name: theirs[name] for name in self.request.POST.getlist("take") if name in theirs}
        filled = sheet.filled({**sheet.raw(), **taken})
        return self._page(filled, opened_with=fingerprint(self.part.read(files)), revision=revision, touched=True)

    def _page(
        self,
        sheet: Sheet,
        *,
        opened_with: str,
        revision: int,
        status: int = 200,
        clash: ClashError | None = None,
        found: Sequence[Difference] = (),
        preview: SafeString | None = None,
        touched: bool = False,  # the page shows something that is not saved
    ) -> HttpResponse:
        context = {
            **lesson_frame(self.request, self.lesson),
            "sheet": sheet,
            "opened_with": opened_with,
            "revision": revision,
            "clash": clash,
            "differences": found,
            "preview": preview,
            "touched": touched,
            # Whoever is shown somebody else's words decides before anything is saved over them.
            "autosaves": clash is None and self.request.POST.get("act") != "take",
            "author": author_of(self.request),
            "has_preview": self.preview is not None,
            "all_optional": True,  # a draft may lack anything: the checks say what it needs
            "url": self.url,
            **self.context,
        }
        return render(self.request, self.template, context, status=status)

    def _as_document(self, error: UnreadableError) -> HttpResponse:
        """A document that no form can show is shown as text, with the place that is wrong."""
        messages.error(self.request, self._unreadable(error))
        address = reverse("studio:document", args=[self.lesson.course.slug, self.lesson.slug, self.part.file])
        return redirect(f"{address}?line={error.line}#id_text")

    def _unreadable(self, error: UnreadableError) -> str:
        words = _(
            "The form can’t show %(file)s. Line %(line)s: %(problem)s Correct it under Documents, then the form works again."
        )
        return words % {"file": self.part.file, "line": error.line, "problem": error.message.rstrip(".") + "."}


def _told(status: int, detail: str) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)
