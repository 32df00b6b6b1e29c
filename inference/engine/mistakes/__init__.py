"""Mistakes made on purpose, each beside the correct run of the same photo.

`make` emits one Result "mistake:<name>" for each. A mistake that ends in an error gives that error as its result: learning to
read it is the lesson.
"""

from inference.engine.mistakes.paired import make
from inference.engine.mistakes.registered import MISTAKES, Mistake
from inference.engine.mistakes.way import Way, right

__all__ = ["MISTAKES", "Mistake", "Way", "make", "right"]
