"""Code samples of a lesson: a Python fence with an id, and what it printed when it was proved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inference.models import Proof
from inference.proofs import Snippet

_ATTRIBUTE = re.compile(r"""\s*(?P<name>[A-Za-z_-]+)(?:=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+)))?(?=\s|$)""")
_ID = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
_CLASS = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_REQUIRES = re.compile(r"^weights/[a-z0-9_]+$")


class BadSample(ValueError):
    """A fence's first line that cannot be used; the message says to its author why."""


@dataclass(frozen=True, slots=True)
class CodeSample:
    """One runnable piece of code, as its author wrote it."""

    id: str
    title: str
    code: str
    requires: str = ""
    raises: str = ""
    line: int = 0

    @property
    def snippet(self) -> Snippet:
        return Snippet(code=self.code, requires=self.requires, raises=self.raises)


def is_python(info: str) -> bool:
    return info.split(" ", 1)[0] in ("python", "py", "python3")


def read_sample(info: str, code: str, line: int) -> CodeSample:
    """The sample that a fence's first line describes; raises BadSample."""
    rest = info.partition(" ")[2].strip()
    values: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _ATTRIBUTE.match(rest, position)
        if match is None:
            raise BadSample(
                _('“%(rest)s” can’t be read. Write name=value, or name="several words".') % {"rest": rest[position:].strip()}
            )
        name = match["name"]
        if name in values:
            raise BadSample(_("“%(name)s” is given twice. Keep one.") % {"name": name})
        values[name] = match["quoted"] if match["quoted"] is not None else match["bare"] or ""
        position = match.end()
    unknown = sorted(values.keys() - {"id", "title", "requires", "raises"})
    if unknown:
        raise BadSample(
            _("A code sample has no “%(name)s”. It may have id, title, requires and raises.") % {"name": unknown[0]}
        )
    identity = values.get("id", "")
    if not _ID.match(identity):
        raise BadSample(_("A Python sample needs an id of small letters, digits and -: ```python id=count-parameters"))
    if values.get("requires") and not _REQUIRES.match(values["requires"]):
        raise BadSample(_("“requires” names weights, such as requires=weights/resnet50."))
    if values.get("raises") and not _CLASS.match(values["raises"]):
        raise BadSample(_("“raises” names an exception’s class, such as raises=AttributeError."))
    return CodeSample(
        identity, values.get("title", ""), code, requires=values.get("requires", ""), raises=values.get("raises", ""), line=line
    )


def recorded(sample: CodeSample, proof: Proof | None) -> dict[str, Any] | None:
    """What a version keeps of a sample's run; none when it was never proved."""
    if proof is None:
        return None
    return {
        "output": proof.output,
        "raised": proof.raised,
        "message": proof.message,
        "warnings": proof.warnings,
        "missing": proof.missing,
        "torch": proof.torch,
        "torchvision": proof.torchvision,
        "python": proof.python,
    }


def problem_with(sample: CodeSample, proof: Proof | None) -> str:
    """Why the sample cannot be published with this proof, in a sentence; empty when it can."""
    if proof is None:
        return _(
            "The sample “%(id)s” has not been run on the installed versions. Run it: under Check in the studio, or with"
            " manage.py check_content --record."
        ) % {"id": sample.id}
    if proof.missing:
        return ""
    if sample.raises and proof.raised != sample.raises:
        return _("The sample “%(id)s” should end with %(expected)s, but %(raised)s.") % {
            "id": sample.id,
            "expected": sample.raises,
            "raised": _("it raised %(raised)s") % {"raised": proof.raised} if proof.raised else _("it ended well"),
        }
    if proof.raised and not sample.raises:
        return _("The sample “%(id)s” fails with %(raised)s: %(message)s. Repair it, or say raises=%(raised)s.") % {
            "id": sample.id,
            "raised": proof.raised,
            "message": proof.message,
        }
    return ""


def missing_sentence(output: Mapping[str, Any]) -> str:
    """Why nothing was recorded, in a sentence; empty when something was."""
    missing = str(output.get("missing", ""))
    if not missing:
        return ""
    if missing.startswith("weights/"):
        network = missing.removeprefix("weights/")
        return _("Not recorded here: it needs the weights of %(network)s. With them in the weights folder it can be.") % {
            "network": network
        }
    return _("Not recorded here: it needs %(what)s.") % {"what": missing}
