"""What a person did lately, as other rooms tell it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Activity:
    """One line of "Lately" on the profile page. A PERSONAL_DATA module may offer recent(user) -> list[Activity]."""

    at: datetime
    text: str
    url: str = ""
