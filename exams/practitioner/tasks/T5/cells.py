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

# %% tags=["answer-T5"]
findings = {
    # "x_adv": ..., "claimed_accuracy": 0.0, "clean_accuracy": 0.0,
    # "checks": ["none of these"], "why_evidence": 1, "why_statement": 1,
}
# solution
from labkit.exams.task import Variant, find_task, load_code

# Gradients are put back, attacks with and without them compared; tasks/T5/bots.py shows how.
findings = load_code(find_task("T5"), "bots").reference(t5, Variant("", 0))
# end solution
exam.hand_in("T5", **findings)
