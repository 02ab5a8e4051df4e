# %% [markdown]
# ## T5 · Evaluate a secured model honestly
#
# The vendor's figure stands in the facts. Find out what the secured model really reads under
# attack, and what gives the figure away if it is too good. The brief defines the checks.

# %%
from labkit.defenses import Binarising, BitDepthSqueezing, NoisyInput
from labkit.exams.issued import load_model

t5 = exam.materials("T5")
x, y, epsilon = t5.tensors["x"], t5.tensors["y"], t5.facts["epsilon"]
network = load_model(t5, "victim")
print(t5.facts["filter"], "| budget", epsilon, "| the vendor claims", t5.facts["vendor_claim"])

# %%
FILTERS = {"bit_depth": BitDepthSqueezing, "binarise": Binarising, "noise": NoisyInput}
told = dict(t5.facts["filter"])
kind = told.pop("kind")
secured = FILTERS[kind](network, **told) if kind in FILTERS else network
print("read correctly, asked once:", float((secured.logits(x).argmax(1) == y).float().mean()))

# %% [markdown]
# `labkit.attacks.evasion` has what you need: `pgd`, `apgd`, `square`, and `bpda` and `eot`, which
# give a gradient back. `labkit.metrics.robustness` runs a cascade and its sanity checks.

# %% [markdown] tags=["solution"]
# ### How to solve it
#
# Ask first why an attack might fail here. A filter that rounds lets no gradient through: put one in its
# place, the plain identity (`bpda`) or a smooth step. Noise points each gradient another way: follow the
# mean answer (`eot`). Logits that are too large make the cross-entropy flat: look at the margin, or at
# ratios of logits, which do not change with their size. And ask scores alone, because such an attack
# needs no gradient at all. Of all that was found the worst counts, input by input.
#
# The checks come after that, exactly as the brief words them: they say what gave the vendor's figure
# away. If none of them does, that is a finding as well, and the accuracy that is left is to be believed.

# %% tags=["answer-T5"]
findings = {
    # "x_adv": ..., "claimed_accuracy": 0.0, "clean_accuracy": 0.0,
    # "checks": ["none of these"], "why_evidence": 1, "why_statement": 1,
}
# solution
import copy

import torch
from torch.nn import functional

from labkit.attacks.evasion import apgd, bpda, eot, pgd, square
from labkit.core.protocols import predict
from labkit.models import TorchClassifier

# Built anew, so that its noise begins at the beginning whenever this cell runs.
secured = FILTERS[kind](network, **told) if kind in FILTERS else network
noisy, rounding = kind == "noise", kind in ("bit_depth", "binarise")


def read(inputs):
    """Return how often each input is read correctly: once, or over many answers of a noisy model."""
    answers = [predict(secured, inputs) == y for _ in range(64 if noisy else 1)]
    return torch.stack(answers).double().mean(0)


def smooth(z):
    """Step from 0 to 1 where the filter does, with a slope that can be followed."""
    return torch.sigmoid(8 * (z - told.get("threshold", 0.5)))


through = {"epsilon": epsilon, "steps": 80, "restarts": 2, "step_decay": True, "loss": "margin"}
if noisy:
    mean = eot(secured, 16)
    onward = {"epsilon": epsilon, "steps": 40, "step_decay": True, "early_stop": False}
    tries = [pgd(mean, x, y, loss=loss, **onward) for loss in ("margin", "cross_entropy")]
elif rounding:
    tries = [
        pgd(bpda(secured), x, y, **through),
        pgd(bpda(secured, smooth), x, y, **{**through, "restarts": 1}),
        square(secured, x, y, epsilon=epsilon, query_budget=1500),
    ]
else:
    tries = [
        pgd(secured, x, y, **through),
        apgd(secured, x, y, epsilon=epsilon, steps=80, restarts=2, loss="dlr"),
        square(secured, x, y, epsilon=epsilon, query_budget=1500),
    ]
found = torch.stack([each.x_adv for each in tries])
worst = torch.stack([read(each) for each in found]).argmin(0)
x_adv = found[worst, torch.arange(len(x))]
standing, clean = float(read(x_adv).mean()), float(read(x).mean())


def plainly(budget):
    """PGD along the model's own gradient; where a filter lets none through, it changes nothing."""
    return x if rounding else pgd(secured, x, y, epsilon=budget).x_adv


by_gradient = float(read(plainly(epsilon)).mean())


def breaks_more(attacked):
    """At least five of the hundred inputs more than PGD."""
    return by_gradient - float(read(attacked.x_adv).mean()) > 0.049


exposed = {"scores alone break more": breaks_more(square(secured, x, y, epsilon=epsilon, query_budget=500))}
again = torch.stack([predict(secured, x) for _ in range(5)])
exposed["the same question gets two answers"] = bool((again != again[0]).any())
exposed["a large budget leaves some standing"] = float(read(plainly(1.0)).mean()) > 0.1
exposed["the loss has no gradient"] = rounding
if not rounding:
    leaf = x.clone().requires_grad_(True)
    loss = functional.cross_entropy(secured.forward(leaf), y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, leaf)
    flat = (gradient.flatten(1) == 0).all(1)
    exposed["the loss has no gradient"] = float(flat.double().mean()) > 0.5
if rounding:
    stand_in = pgd(bpda(secured), x, y, **through)
    exposed["a stand-in for the gradient of the filter breaks more"] = breaks_more(stand_in)
if noisy:
    exposed["averaging answers breaks more"] = breaks_more(pgd(mean, x, y, loss="margin", **onward))
if not rounding:
    # The last layer makes the logits: nothing is read anew when all of them shrink alike.
    module = copy.deepcopy(network.module)
    with torch.no_grad():
        for part in (module[-1].weight, module[-1].bias):
            part.mul_(10 / float(network.logits(x).abs().max()))
    cooled = TorchClassifier(module, network.input_shape, network.classes)
    cooled = FILTERS[kind](cooled, **told) if kind in FILTERS else cooled
    exposed["a temperature on the logits breaks more"] = breaks_more(pgd(cooled, x, y, epsilon=epsilon))

findings = {
    "x_adv": x_adv,
    "claimed_accuracy": round(standing, 3),
    "clean_accuracy": round(clean, 3),
    "checks": [name for name, holds in exposed.items() if holds] or ["none of these"],
    # First show that the attack works; and say what was tried, on what, within which budget.
    "why_evidence": 2,
    "why_statement": 3,
}
# end solution
exam.hand_in("T5", **findings)
