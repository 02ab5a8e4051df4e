"""Explanations that explain: a text that only says right or wrong teaches nothing."""

from __future__ import annotations

import re

__all__ = ["is_bare_verdict"]

# A text made of these words alone passes a verdict and gives no reason.
_VERDICT_WORDS = frozenset(
    {"a", "an", "and", "answer", "answers", "are", "again", "bad", "check", "close", "correct", "done"}
    | {"error", "exactly", "failed", "failure", "false", "fine", "good", "great", "incorrect", "invalid"}
    | {"is", "it", "isn't", "its", "it's", "job", "more", "mistake", "nearly", "nice", "no", "nope", "not"}
    | {"of", "oh", "ok", "okay", "one", "option", "passed", "perfect", "please", "quite", "right", "sorry"}
    | {"success", "that", "that's", "the", "this", "true", "try", "unfortunately", "very", "was", "well"}
    | {"what", "wrong", "yes", "yet", "you", "your"}
)
_WORD = re.compile(r"[a-z']+")


def is_bare_verdict(text: str) -> bool:
    """Return whether ``text`` says right or wrong and nothing else.

    A text that quotes a fact in braces says something.
    """
    return "{" not in text and set(_WORD.findall(text.lower())) <= _VERDICT_WORDS
