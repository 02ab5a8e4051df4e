# %% [markdown]
# # Evasion range
#
# A model that reads well can be made to read badly by changes that nobody would notice. In
# the next forty minutes you find out how far that goes: with the model's own gradient, with
# nothing but questions, and against a defense that only looks like one. Then you change
# sides, harden the model, and say what that cost.
#
# Everything you attack here is yours to attack: the model was trained on this machine, and
# nothing leaves it.

# %%
import labkit

lab = labkit.open_lab("L02")
lab.header()

# %% [markdown]
# ## Recall
#
# Three questions about earlier labs, before any new text. Answering from memory is what
# makes it stay, so do not look anything up.

# %% tags=["dashboard"]
lab.recall()

# %% [markdown]
# ## Meet the victim
#
# Before you attack anything, measure it. An attack that succeeds on inputs that the model
# misread anyway has achieved nothing.

# %% tags=["hands-on"]
from labkit.metrics import clean_accuracy

case = lab.case
case.x.shape, case.threat

# %% tags=["hands-on", "nbval-check-output"]
print(f"clean accuracy: {clean_accuracy(case.victim, case.x, case.y).value:.1f}")

# %% [markdown]
# The threat model is fixed: every value of an input may move by at most $\epsilon$, and must
# stay between 0 and 1. Formally $\lVert x' - x \rVert_\infty \le \epsilon$. Everything you
# hand in is measured against it.

# %% [markdown]
# ## Predict
#
# Commit yourself before you see the answer, and say how sure you are. Being surprised is
# how a wrong picture gets corrected.

# %% tags=["dashboard"]
lab.predict("robust-accuracy")

# %% tags=["dashboard"]
lab.predict("one-step")

# %% [markdown]
# ## Attack with the gradient
#
# For a small change $\delta$ the loss grows by about $\delta^\top \nabla_x \mathcal{L}(x, y)$.
# If every value may move by $\epsilon$, the best single step is $\epsilon$ times the sign of
# the gradient: that is FGSM. The loss is not a straight line, so look again after a small
# step and project back into the ball: that is PGD.

# %% tags=["dashboard"]
from labkit.ui import evasion as panels

panels.attack_range(lab, checkpoint="white-box")

# %% [markdown]
# The decision landscape below is a slice through the input space around one picture: along
# the gradient in one direction, along a random one in the other. See how near the border
# lies in the first, and how far in the second.

# %% tags=["dashboard"]
panels.landscape_panel(lab)

# %% [markdown] tags=["hands-on"]
# ### By hand
#
# Write the attack yourself. `input_gradient` below gives you the gradient of the loss for
# each input; everything else is two lines in a loop.

# %% tags=["hands-on"]
import torch


def input_gradient(model, x, y):
    x = x.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(model.forward(x), y, reduction="sum")
    return torch.autograd.grad(loss, x)[0]


# %% tags=["hands-on", "answer"] answer="white-box"
def my_attack(model, x, y, epsilon, steps=40):
    # starter
    # x_adv = x.clone()
    # # your turn: walk along the sign of the gradient, in steps of 2.5 * epsilon / steps,
    # # and project after each step into the ball around x and into [0, 1]
    # return x_adv
    # solution
    x_adv = x.clone()
    for _ in range(steps):
        step = 2.5 * epsilon / steps * input_gradient(model, x_adv, y).sign()
        x_adv = (x + (x_adv + step - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% [markdown] tags=["hands-on"]
# The check measures what you hand in on the issued inputs and victim. It tells you the
# value, the target, and why it came out as it did.

# %% tags=["hands-on"]
x_adv = my_attack(case.victim, case.x, case.y, case.threat.epsilon)
lab.check("white-box", x_adv=x_adv)

# %% tags=["dashboard"]
lab.checkpoint("white-box")

# %% [markdown]
# ## Attack by asking
#
# Now the weights are out of reach. You may ask the service about ten inputs, as often as
# the query budget of the scenario allows for each, and you see the scores it answers with.
# Two ways lead on: train a copy from the answers and attack the copy, or keep the best
# picture so far and change it patch by patch.

# %% tags=["dashboard"]
panels.black_box_range(lab, checkpoint="black-box")

# %% [markdown] tags=["hands-on"]
# By hand, the oracle counts for you and refuses when the budget is spent.

# %% tags=["hands-on", "answer"] answer="black-box"
from labkit.attacks.evasion import square

x_ten, y_ten = case.x[case.chosen], case.y[case.chosen]
# starter
# asked = square(case.oracle(), x_ten, y_ten, epsilon=case.threat.epsilon, query_budget=20)
# solution
asked = square(
    case.oracle(), x_ten, y_ten, epsilon=case.threat.epsilon, query_budget=case.query_budget, seed=0
)

# %% tags=["hands-on"]
lab.check("black-box", x_adv=asked.x_adv, queries=asked.queries)

# %% tags=["dashboard"]
lab.checkpoint("black-box")

# %% [markdown]
# ## Unmask the "secure" model
#
# A vendor offers the same model with a patented filter in front of it, and a report: PGD
# leaves almost all of its accuracy. Your task is one number, the accuracy that is really
# left inside the budget.
#
# Ask four questions that need no knowledge of the defense. Is a black-box attack stronger
# than the white-box one? Does accuracy reach zero for an enormous budget? Do more steps
# help the attacker? Is random noise as good as the gradient? One wrong answer is enough to
# distrust the report.

# %% tags=["dashboard"]
panels.unmask_panel(lab, checkpoint="unmask")

# %% [markdown] tags=["hands-on"]
# The filter rounds, and rounding has a gradient of zero. BPDA keeps the filter in the
# forward pass and pretends on the way back that it was not there.

# %% tags=["hands-on", "answer"] answer="unmask"
from labkit.attacks.evasion import bpda, pgd
from labkit.core import predict

# starter
# reported = clean_accuracy(case.secure, case.x, case.y).value  # the clean figure is not the answer
# solution
stands = predict(case.secure, case.x) == case.y
through, budget = bpda(case.secure), {"epsilon": case.threat.epsilon, "steps": 40, "restarts": 2}
for target, loss in ((through, "cross_entropy"), (through, "margin"), (case.victim, "cross_entropy")):
    adv = pgd(target, case.x, case.y, loss=loss, **budget)
    stands &= predict(case.secure, adv.x_adv) == case.y
reported = float(stands.float().mean())

# %% tags=["hands-on"]
lab.check("unmask", reported_accuracy=reported)

# %% tags=["dashboard"]
lab.checkpoint("unmask")

# %% [markdown]
# ## What does the model look at?
#
# An explanation asks which parts of the input counted for the answer. Compare the clean
# input with its adversarial twin: the pictures look alike, and the explanations do not. The
# completeness gap says how far the contributions are from adding up to what they explain.

# %% tags=["dashboard"]
panels.explain_panel(lab)

# %% [markdown]
# ## Defend
#
# Adversarial training lets the model meet the attack in every batch. It is slow and it
# costs accuracy, and it is still the defense that stands up best to somebody who knows it.

# %% tags=["dashboard"]
panels.defend_panel(lab, checkpoints=("harden", "price"))

# %% tags=["hands-on", "answer"] answer="harden"
from labkit.defenses import adversarial_training


def training_attack(model, x, y):
    steps = case.scenario.settings["training_steps"]
    return pgd(model, x, y, epsilon=case.threat.epsilon, steps=steps).x_adv


# starter
# hardened = case.victim  # your turn: train a model with training_attack
# solution
hardened = adversarial_training(
    case.network,
    case.train.x,
    case.train.y,
    attack=training_attack,
    epochs=case.scenario.settings["training_epochs"],
    progress=lab.watch("Hardening"),
)

# %% tags=["hands-on"]
lab.check("harden", model=hardened)

# %% tags=["dashboard"]
lab.checkpoint("harden")

# %% [markdown]
# ## Pay the price
#
# A robust model that no longer reads is no use to anybody. Look at both figures, and at the
# classes that now get mixed up.

# %% tags=["hands-on"]
lab.check("price", model=hardened)

# %% tags=["dashboard"]
panels.confusion_panel(lab)

# %% tags=["dashboard"]
panels.curve_panel(lab)

# %% tags=["dashboard"]
lab.checkpoint("price")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# A finding that cannot be shown again is a rumour. Your measurements, with the threat
# model, the attacks and their parameters, go into your evidence pack.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * The gradient made the attack; random changes of the same size did next to nothing.
# * Hiding the weights did not help, and hiding the gradient helped even less: it only
#   blinded the evaluation.
# * What helped was training against the attack, at a price that somebody has to accept.

# %% tags=["dashboard"]
lab.debrief()
