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

# %% [markdown] tags=["solution"]
# ### How to solve it
#
# A confident answer says little about membership: some records are easy for every model. So compare
# each answer with what models of your own say about the same record, half of them trained with it and
# half without, made in the way that the clinic's was. For the release, the budget comes first: choose
# sampling and steps, let `noise_for` find the noise that keeps to the budget, train once, and add up
# what was spent. One long training with many small noisy steps uses a budget better than a short one.
#
# State no less than the accountant says, and measure the release from outside all the same: an area
# near one half shows that nothing went wrong, and no more than that.

# %% tags=["answer-T4"]
findings = {
    # "scores": ..., "generalisation_gap": 0.0, "release": model.module.state_dict(),
    # "noise_multiplier": 0.0, "sample_rate": 0.1, "steps": 1, "clip": 1.0,
    # "privacy_epsilon": 0.0, "privacy_delta": 0.0, "release_auc": 0.5,
    # "why_unit": 1, "why_budget": 1, "why_attack": 1,
}
# solution
from functools import partial

import torch
from torch.nn import functional

from labkit.attacks.membership import likelihood_ratio, train_shadows
from labkit.core.seeds import derive
from labkit.defenses.privacy import dp_sgd, noise_for, privacy_spent
from labkit.metrics import membership_auc
from labkit.models import build
from labkit.models.ensembles import train_ensemble

given, attacked = t4.tensors, t4.facts["attacked"]

# The attack: forty models of our own, trained as the clinic's was, on halves of the same records.
training = partial(train_ensemble, classes=10, epochs=attacked["epochs"], hidden=tuple(attacked["hidden"]))
shadows = train_shadows(
    given["x_audit"],
    given["y_audit"],
    classes=10,
    shadows=40,
    size=attacked["members"],
    training=training,
    seed=derive(0, "shadows"),
)
scores = likelihood_ratio(plain, shadows.confidence(), shadows.members)
loss = functional.cross_entropy(given["logits"].double(), given["y_audit"], reduction="none")
gap = loss[known == 0].mean() - loss[known == 1].mean()

# The release: what the budget allows decides the noise, and the noise is not touched again. Its seed
# stands here so that the examiner can run this cell again. Nobody may know the seed of a real release:
# whoever knows it computes the noise and takes it away.
settings = {"sample_rate": 0.2, "steps": 150, "privacy_delta": t4.facts["delta_limit"]}
noise = noise_for(privacy_epsilon=t4.facts["epsilon_budget"], **settings)
release = dp_sgd(
    build("logistic", (1, 8, 8), 10, seed=1),
    given["x_private"],
    given["y_private"],
    clip=1.0,
    noise_multiplier=noise,
    sample_rate=settings["sample_rate"],
    epochs=settings["steps"] * settings["sample_rate"],
    lr=0.02,
    seed=20261129,
)

# The attack on the release: its loss on private records next to that on public ones.
x_all = torch.cat([given["x_private"], given["x_public"]])
y_all = torch.cat([given["y_private"], given["y_public"]])
told_apart = -functional.cross_entropy(release.logits(x_all).double(), y_all, reduction="none")

findings = {
    "scores": scores,
    "generalisation_gap": float(gap),
    "release": release.module.state_dict(),
    "noise_multiplier": noise,
    "clip": 1.0,
    **settings,
    "privacy_epsilon": privacy_spent(noise_multiplier=noise, **settings),
    "release_auc": membership_auc(told_apart, torch.arange(len(x_all)) < len(given["x_private"])),
    # It holds for a record; trying settings spends as well; an attack that failed is one attack.
    "why_unit": 2,
    "why_budget": 4,
    "why_attack": 3,
}
# end solution
exam.hand_in("T4", **findings)
