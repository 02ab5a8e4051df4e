"""A small lab that is right in every point, for tests that make one thing wrong."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

LAB_TOML = """\
id = "T01"
title = "A small lab"
summary = "Guess a number."
story = "Somebody thinks of a number."
role = "Guesser"
minutes = 5
domain = "D4"
route = "core"
standards = ["AML.T0015", "MEASURE 2.7"]
glossary = ["epsilon"]
at_scale = "Numbers get larger."

[artefact]
name = "guess"
title = "A guess"

[[scenario]]
id = "small"
title = "Small numbers"
story = "From 0 to 1."

[scenario.settings]
secret = 0.5

[[scenario]]
id = "large"
title = "Large numbers"
story = "From 0 to 1, and the secret is larger."

[scenario.settings]
secret = 0.75

[[objective]]
id = "guess"
text = "Guess a number closely."
bloom = "apply"

[[checkpoint]]
id = "near"
objective = "guess"
title = "Come near"
metric = "distance"
unit = "points"
at_most = 0.1
answer = "near"
hints = [
  "Numbers have an order.",
  "Look at whether the guess was too high.",
  "It lies between 0.4 and 0.8.",
  "guess = case.secret",
]

[[checkpoint.why]]
when = "measured > 0.1 and high > 0"
say = "Your guess was {measured:.2f} too high."
next = "Go down by half of that."

[[checkpoint.why]]
when = "measured > 0.1"
say = "Your guess was {measured:.2f} too low."
next = "Go up by half of that."

[[checkpoint.why]]
say = "Your guess was {measured:.2f} away, which is near."
next = "Could you come nearer?"

[[recall]]
question = "Which is larger?"
[[recall.option]]
text = "Two"
correct = true
why = "Two comes after one."
[[recall.option]]
text = "One"
correct = false
why = "One comes before two."

[[recall]]
question = "Which are even?"
[[recall.option]]
text = "Two"
correct = true
why = "Half of two is one."
[[recall.option]]
text = "Four"
correct = true
why = "Half of four is two."
[[recall.option]]
text = "Five"
correct = false
why = "Five leaves one over."

[[recall]]
question = "Which is smaller?"
[[recall.option]]
text = "Zero"
correct = true
why = "Zero comes before one."
[[recall.option]]
text = "One"
correct = false
why = "One comes after zero."

[[prediction]]
id = "secret"
question = "What is it?"
kind = "number"
unit = "points"
tolerance = 0.1
outcome = "secret"

[[prediction]]
id = "side"
question = "Is it above a half?"
kind = "choice"
options = ["yes", "no"]
outcome = "side"

[[item]]
form = "pre"
question = "How many guesses halve a range ten times?"
[[item.option]]
text = "Ten"
correct = true
why = "Each guess halves it once."
[[item.option]]
text = "A thousand"
correct = false
why = "That is how many parts there are in the end."

[[item]]
form = "post"
question = "How many guesses find one number among 1,024?"
[[item.option]]
text = "Ten"
correct = true
why = "Two to the power of ten is 1,024."
[[item.option]]
text = "512"
correct = false
why = "That would be one by one, on average."

[[demo]]
title = "A first guess"
say = "Vote: higher or lower?"
panel = "guess"
state = { guess = 0.1 }
"""

LAB_PY = """\
# %% [markdown]
# # A small lab

# %% tags=["hands-on", "answer"] answer="near"
# starter
# guess = 0.0  # your turn
# solution
guess = case.secret
"""

CASE_PY = """\
from dataclasses import dataclass

from labkit.core import InvalidInputError
from labkit.scoring import Measurement


@dataclass(frozen=True)
class Case:
    secret: float
    seed: int


def make_case(scenario, seed, progress=None):
    if progress is not None:
        progress(1, 1, "made")
    return Case(scenario.settings["secret"], seed)


def measure_distance(case, guess):
    if isinstance(guess, str):
        raise InvalidInputError("expected a number, got a text")
    return Measurement(abs(guess - case.secret), {"high": guess - case.secret})


MEASURES = {"distance": measure_distance}
OUTCOMES = {
    "secret": lambda case: case.secret,
    "side": lambda case: "yes" if case.secret > 0.5 else "no",
}
"""

RUNS = {"near": {"reference": [0.0, 0.0], "nothing": [0.5, 0.7], "lazy": [0.3, 0.2]}}
REFERENCE = {"version": 1, "seeds": 2, "scenarios": {"small": RUNS, "large": deepcopy(RUNS)}}


def make_lab(
    root: Path,
    *changes: tuple[str, str],
    id: str = "T01",
    slug: str = "small-lab",
    reference: object = REFERENCE,
) -> Path:
    """Write the lab below ``root``, with each ``(old, new)`` of ``changes`` applied to its declaration."""
    folder = root / f"{id}-{slug}"
    folder.mkdir(parents=True)
    text = LAB_TOML.replace('"T01"', f'"{id}"')
    for old, new in changes:
        assert old in text, f"{old!r} is not in the declaration"
        text = text.replace(old, new, 1)
    (folder / "lab.toml").write_text(text, encoding="utf-8")
    (folder / "lab.py").write_text(LAB_PY, encoding="utf-8")
    (folder / "case.py").write_text(CASE_PY, encoding="utf-8")
    if reference is not None:
        (folder / "reference.json").write_text(json.dumps(reference), encoding="utf-8")
    return folder


def line_of(folder: Path, text: str) -> int:
    """Return the first line of the declaration that contains ``text``."""
    lines = (folder / "lab.toml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)
