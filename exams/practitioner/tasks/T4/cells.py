# %% [markdown]
# ## T4 · Measure a leak, and release with a budget
#
# First the attack on answers that were given without any protection, then a release that has
# one. What you state about it is held against what you did.

# %%
t4 = exam.materials("T4")
known = t4.tensors["known"]
print("known members", int((known == 1).sum()), "| known others", int((known == 0).sum()))
print("attacked model:", t4.facts["attacked"])
print("budget:", t4.facts["epsilon_budget"], "at delta", t4.facts["delta_limit"])

# %%
from labkit.attacks.membership import true_confidence
from labkit.metrics import tpr_at_fpr

plain = true_confidence(t4.tensors["logits"], t4.tensors["y_audit"])
judged = known >= 0
found = tpr_at_fpr(plain[judged], known[judged] == 1, t4.facts["fpr"])
print("by confidence alone, on the known ones:", found)

# %% [markdown]
# `train_shadows` and `likelihood_ratio` of `labkit.attacks.membership` compare an answer with those
# of models of your own. `noise_for`, `dp_sgd` and `privacy_spent` of `labkit.defenses.privacy` find
# the noise, train with it, and add it up.

# %% tags=["answer-T4"]
findings = {
    # "scores": ..., "generalisation_gap": 0.0, "release": model.module.state_dict(),
    # "noise_multiplier": 0.0, "sample_rate": 0.1, "steps": 1, "clip": 1.0,
    # "privacy_epsilon": 0.0, "privacy_delta": 0.0, "release_auc": 0.5,
    # "why_unit": 1, "why_budget": 1, "why_attack": 1,
}
# solution
from labkit.exams.task import Variant, find_task, load_code

# Shadows for the attack, noise for the budget, and what was spent; tasks/T4/bots.py shows how.
findings = load_code(find_task("T4"), "bots").reference(t4, Variant("", 0))
# end solution
exam.hand_in("T4", **findings)
