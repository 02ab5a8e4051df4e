# %% [markdown]
# # Start here
#
# Ten minutes, one model, one trick. You meet a model that reads handwritten digits, measure
# how good it is, and make it misread most of them with a change that you would hardly
# notice. On the way you see every kind of thing that the other labs are made of: questions,
# predictions, panels, checks with reasons, hints, and the evidence that you take home.

# %%
import labkit

lab = labkit.open_lab("L00")
lab.header()

# %% [markdown]
# ## Does everything work here?
#
# The installation is checked first, so that nothing stops you later. A line that is not in
# order says what to do about it.

# %% tags=["dashboard"]
lab.installation()

# %% [markdown]
# ## Recall
#
# Each lab begins with three questions, before any text. Here they are about what you may
# know already; every answer comes with its reason.

# %% tags=["dashboard"]
lab.recall()

# %% [markdown]
# ## Meet the victim
#
# The model under attack is called the victim. Yours was trained on this machine when you
# opened the lab. Measure it before you judge it.

# %% tags=["hands-on"]
from labkit.metrics import clean_accuracy

case = lab.case
case.victim

# %% tags=["dashboard"]
lab.report_accuracy("baseline")

# %% tags=["hands-on", "answer"] answer="baseline"
# starter
# reported = 0.0  # your turn: the share of case.x that case.victim reads as case.y
# solution
reported = clean_accuracy(case.victim, case.x, case.y).value

# %% tags=["hands-on", "nbval-check-output"]
print(f"clean accuracy: {reported:.1f}")

# %% tags=["hands-on"]
lab.check("baseline", reported_accuracy=reported)

# %% tags=["dashboard"]
lab.checkpoint("baseline")

# %% [markdown]
# ## Predict
#
# Say what you expect before you look, and how sure you are. Your confidence is compared
# with how often you turn out to be right, over all labs.

# %% tags=["dashboard"]
lab.predict("one-step")

# %% [markdown]
# ## Attack
#
# The victim learned by following a gradient downhill. Follow it uphill instead: for every
# pixel the gradient says whether brighter or darker makes the model more wrong. Move every
# pixel by the same small amount, epsilon, in that direction. This is the Fast Gradient Sign
# Method, and it is one line of code.

# %% tags=["dashboard"]
from labkit.ui import evasion as panels

panels.attack_range(lab, checkpoint="first-flip")

# %% tags=["hands-on", "answer"] answer="first-flip"
from labkit.attacks.evasion import fgsm

# starter
# from labkit.attacks.evasion import random_noise
# adv = random_noise(case.victim, case.x, case.y, epsilon=case.threat.epsilon)  # noise will not do
# solution
adv = fgsm(case.victim, case.x, case.y, epsilon=case.threat.epsilon)

# %% tags=["hands-on"]
lab.check("first-flip", x_adv=adv.x_adv)

# %% tags=["dashboard"]
lab.checkpoint("first-flip")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# What you measured goes into your evidence pack, with the parameters that make it
# repeatable. It grows from lab to lab, and you can print it.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * You measured before you judged.
# * Noise did little, and a chosen change of the same size did a lot.
# * A check told you the value, the target and the reason, not only right or wrong.

# %% tags=["dashboard"]
lab.debrief()
