"""A small exam for tests: two tasks that are played in milliseconds, laid out as a real one."""

from pathlib import Path

_BLUEPRINT = """
id = "example"
title = "An exam of the tests"
version = "0.1"
minutes = 30
[[domain]]
id = "D1"
title = "First"
weight = 40
items = 2
[[domain]]
id = "D4"
title = "Fourth"
weight = 60
items = 2
[[task]]
slot = "T1"
domain = "D1"
points = 20
available = true
[[task]]
slot = "T5"
domain = "D4"
points = 30
available = true
[[task]]
slot = "T8"
domain = "D4"
points = 10
available = false
[items]
points = 40
[items.kinds]
choice = 4
[decision]
cut = 0.70
practical = 0.60
domain = 0.45
domain_weight = 12
[validity]
months = 24
"""

_TASK = """
id = "{id}"
title = "Push {id}"
domain = "{domain}"
points = {points}
minutes = 3
[[hand_in]]
name = "x_adv"
kind = "tensor"
about = "The inputs after your push."
dtype = "float32"
shape = ["n", 3]
low = 0.0
high = 1.0
budget = {{ around = "x", norm = "linf", epsilon = "epsilon" }}
[[hand_in]]
name = "claimed_gain"
kind = "number"
about = "The gain that you claim."
low = 0.0
high = 1.0
[[criterion]]
metric = "gain"
part = "outcome"
points = {outcome}
zero_at = "nothing"
full_at = "reference"
[[criterion]]
metric = "claim_error"
part = "process"
points = {share}
zero_at = 0.1
full_at = 0.0
[[criterion]]
metric = "justification"
part = "justification"
points = {share}
zero_at = 0.0
full_at = 1.0
[[justification]]
id = "side"
question = "Which way does an input move?"
options = [
  {{ text = "Away from the weights.", credit = 0.0, why = "The product shrinks." }},
  {{ text = "Along their signs.", credit = 1.0, why = "Each step adds its absolute weight." }},
]
[overclaim]
claim = "claimed_gain"
metric = "gain"
tolerance = 0.05
[[critical]]
metric = "outside"
when = "above"
limit = 0.5
say = "Inputs outside the box."
"""

_CODE = """
import torch
from labkit.exams.issued import Issued
from labkit.exams.task import Measured

EPSILON = 0.1


def _drawn(variant):
    generator = torch.Generator().manual_seed(variant.seed)
    x = 0.2 + 0.6 * torch.rand(variant.params["n"], 3, generator=generator)
    return x, torch.randn(3, generator=generator)


def issue(variant):
    x, weights = _drawn(variant)
    return Issued({"x": x, "weights": weights}, {"dims": {"n": len(x)}, "epsilon": EPSILON})


def measure(variant, hand_in):
    x, weights = _drawn(variant)
    if "x_adv" not in hand_in:
        return Measured({})
    x_adv = hand_in["x_adv"]
    moved = (x_adv - x).clamp(-EPSILON, EPSILON)
    gain = float(((moved @ weights) / (EPSILON * weights.abs().sum())).mean())
    metrics = {"gain": gain, "outside": float(((x_adv < 0) | (x_adv > 1)).any())}
    if "claimed_gain" in hand_in:
        metrics["claim_error"] = abs(hand_in["claimed_gain"] - gain)
    return Measured(metrics, {"inputs": len(x)})
"""

_BOTS = """
def reference(issued, variant):
    x, weights = issued.tensors["x"], issued.tensors["weights"]
    return {
        "x_adv": x + issued.facts["epsilon"] * weights.sign(),
        "claimed_gain": 1.0,
        "why_side": 2,
    }


def nothing(issued, variant):
    return {"x_adv": issued.tensors["x"].clone()}


def lazy(issued, variant):
    step = 0.3 * issued.facts["epsilon"] * issued.tensors["weights"].sign()
    return {"x_adv": issued.tensors["x"] + step, "claimed_gain": 1.0, "why_side": 2}
"""

_CELLS = """# %% [markdown]
# ## {id}: push the inputs
#
# Read the brief, then hand in.

# %%
materials = exam.materials("{id}")
x, weights = materials.tensors["x"], materials.tensors["weights"]
print(tuple(x.shape))

# %% tags=["answer-{id}"]
x_adv = x.clone()
# solution
x_adv = x + materials.facts["epsilon"] * weights.sign()
# end solution
exam.hand_in("{id}", x_adv=x_adv, claimed_gain=1.0, why_side=2)
"""


def make_exam(folder: Path) -> Path:
    """Write the example below ``folder`` and return the folder of the exam."""
    exam = folder / "example"
    exam.mkdir(parents=True)
    (exam / "blueprint.toml").write_text(_BLUEPRINT, encoding="utf-8")
    for slot, domain, points in (("T1", "D1", 20), ("T5", "D4", 30)):
        write_task(exam / "tasks" / slot, slot, domain, points)
    return exam


def write_task(folder: Path, slot: str, domain: str, points: float) -> Path:
    """Write one task of the example."""
    folder.mkdir(parents=True)
    values = {"id": slot, "domain": domain, "points": points, "outcome": 0.6 * points, "share": 0.2 * points}
    files = {
        "task.toml": _TASK.format(**values),
        "task.py": _CODE,
        "bots.py": _BOTS,
        "brief.md": f"# {slot}\n\nPush every input along the weights, by at most epsilon.\n",
        "cells.py": _CELLS.format(id=slot),
        "variants.toml": variants(slot),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def variants(slot: str, count: int = 12, first: int = 1) -> str:
    """Return a pool of reviewed variants as TOML."""
    return "\n".join(
        f'[[variant]]\nid = "v{number:02d}"\nseed = {7_340_000 + 97 * number + int(slot[1:])}\n'
        f'params = {{ n = {4 + number % 3} }}\nreviewed_by = "A reviewer"\nreviewed_on = "2026-11-29"\n'
        for number in range(first, first + count)
    )
