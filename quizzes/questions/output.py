"""Code output: what does this snippet print, or end with? A single choice whose key is proved by running the snippet."""

from __future__ import annotations

from quizzes.questions.single import SingleChoice


class CodeOutput(SingleChoice):
    name = "output"
