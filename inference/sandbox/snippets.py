"""What goes into the sandbox and what comes out of it. Standard library only."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import metadata
from pathlib import Path

WEIGHTS_PREFIX = "weights/"


class Stopped(StrEnum):
    """Why a snippet did not reach its own end. Such a run is no proof of anything."""

    NO = ""
    TIME = "time"
    OUTPUT = "output"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of Python to run: what it needs, and the exception it is meant to end with (none: it must end well)."""

    code: str
    requires: str = ""  # "weights/resnet50": run only where that network's weights are
    raises: str = ""  # an exception's class: an expectation, no part of what is run


@dataclass(frozen=True, slots=True)
class SnippetResult:
    """What one run printed, raised and warned about, and on which versions."""

    output: str = ""
    raised: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()
    missing: str = ""
    torch: str = ""
    torchvision: str = ""
    python: str = ""
    stopped: Stopped = Stopped.NO

    @property
    def error(self) -> str:
        """The last line Python would print: "ValueError: message"; empty when the snippet ended well."""
        return f"{self.raised}: {self.message}".removesuffix(": ") if self.raised else ""


def canonical_code(code: str) -> str:
    """The code as it is run and hashed: Unix line ends, no trailing blanks, one newline at the end."""
    lines = [line.rstrip() for line in code.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip("\n") + "\n"


def snippet_sha256(snippet: Snippet) -> str:
    """The hash under which a run of this snippet is kept. What it is expected to raise changes no run, so it is left out."""
    return hashlib.sha256(json.dumps([canonical_code(snippet.code), snippet.requires]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Versions:
    """The public versions that a proof depends on. A wheel's local label ("+cpu") changes no output."""

    torch: str
    torchvision: str


def public_version(version: str) -> str:
    """A version without its local label: "2.13.0+cpu" gives "2.13.0"."""
    return version.partition("+")[0]


@cache
def installed_versions() -> Versions:
    """The versions installed here, read without importing either library."""
    return Versions(
        torch=public_version(metadata.version("torch")), torchvision=public_version(metadata.version("torchvision"))
    )


def weights_are_here(requires: str, weights: Path) -> bool:
    """Whether a weights file of the named network lies in the weights folder (TORCH_HOME layout)."""
    network = requires.removeprefix(WEIGHTS_PREFIX)
    return any((weights / "hub" / "checkpoints").glob(f"{network}[-_]*.pth"))


def missing_here(requires: str) -> SnippetResult:
    """The record of a snippet that could not run here, because what it requires is not on this machine."""
    versions = installed_versions()
    return SnippetResult(
        missing=requires, torch=versions.torch, torchvision=versions.torchvision, python=platform.python_version()
    )


_FENCE = re.compile(r"\A\s*(`{3,}|~{3,})[^\n]*\n(?P<fenced>.*?)\n?\1\s*\Z", re.DOTALL)
_INLINE = re.compile(r"\A\s*(`+)\s?(?P<inline>.*?)\s?\1\s*\Z", re.DOTALL)


_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")


def without_addresses(text: str) -> str:
    """The text with every address of an object in memory ("at 0x7f3a…") as "0x…": it is another one in every run."""
    return _ADDRESS.sub("0x…", text)


def normalised_output(text: str) -> str:
    """Text as outputs are compared: one Markdown code wrapper off, no blanks at line ends, no empty lines around.

    An object's address in memory counts as any other one. All else counts: blanks inside a line, letter case, digits,
    punctuation, and so timings, dates and paths, which no snippet should print. Snippets run on the CPU with one thread,
    so that no device's name or last digit depends on the machine.
    """
    for wrapper in (_FENCE, _INLINE):
        if match := wrapper.match(text):
            text = match[wrapper.groups]
            break
    lines = [line.rstrip() for line in without_addresses(text).replace("\r\n", "\n").split("\n")]
    return "\n".join(lines).strip("\n").strip()


def outputs_match(left: str, right: str) -> bool:
    """True when two outputs are the same after `normalised_output`."""
    return normalised_output(left) == normalised_output(right)


def shown(result: SnippetResult, compare: str) -> str:
    """What a question's option must say: what was printed, or with "error" the last line that Python would print."""
    return result.error if compare == "error" else result.output
