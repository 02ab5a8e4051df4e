# %% [markdown]
# # Federated under siege
#
# Ten clinics train one model together. No form leaves a clinic: each trains on its own, sends
# what changed, and a server adds it up. In the next thirty-five minutes you lie for some of
# the clinics, loudly and then quietly. After that the server is yours: you choose a rule that
# withstands liars, find out whom else it silences, and see what is left of it when the
# server may see sums only.
#
# A whole training takes about a second on this machine, and nothing leaves it.

# %%
import labkit

lab = labkit.open_lab("L11")
lab.header()

# %% [markdown]
# ## Recall
#
# Three questions about earlier labs, before any new text. Answering from memory is what
# makes it stay, so do not look anything up.

# %% tags=["dashboard"]
lab.recall()

# %% [markdown]
# ## Predict
#
# Commit yourself before you see the answer, and say how sure you are. Being surprised is
# how a wrong picture gets corrected.

# %% tags=["dashboard"]
lab.predict("plain-flip")

# %% tags=["dashboard"]
lab.predict("minority-median")

# %% [markdown]
# ## Attack: crash the mean
#
# In every round the server sends the model $w$ out. Clinic $i$ trains and sends back
# $u_i = w_i - w$. FedAvg moves the model by the mean, $w \leftarrow w + \frac{1}{n} \sum_i u_i$.
# Two of the ten clinics are yours. The server has one check: an update of more than six times
# the usual length is not used.

# %% tags=["hands-on"]
from labkit.course.cases.federated.running import run

case = lab.case
ours = case.federation("alike", malicious=2)
ours.clients.sizes.tolist()

# %% tags=["dashboard"]
from labkit.ui import federated as panels

panels.siege_panel(lab, checkpoint="crash")

# %% [markdown] tags=["hands-on"]
# ### By hand
#
# An attack is a recipe: plain data that somebody else can run on other clinics. The check
# runs yours on clinics that it draws itself. How long must two updates be to outweigh eight?

# %% tags=["hands-on", "answer"] answer="crash"
# starter
# recipe = {"attack": "sign_flip", "scale": 1.0}  # your turn: this is not enough
# solution
recipe = {"attack": "sign_flip", "scale": 5.0}
# end
crashed = run(case, ours, recipe, {"aggregator": "mean"}, watch=True)

# %% tags=["hands-on"]
print([round(value, 2) for value in crashed.accuracy])
lab.check("crash", recipe=recipe)

# %% tags=["dashboard"]
lab.checkpoint("crash")

# %% [markdown]
# ## Attack: slip past Krum
#
# The server now takes multi-Krum: it leaves out the three clinics that lie farthest from their
# neighbours. Three clinics are yours, and all clinics see different digits, so honest updates
# differ a lot. Stay close enough to be believed, and far enough to do harm.
#
# *A little is enough* moves every weight by $z$ standard deviations. The *inner product attack*
# sends the mean the other way round, and short.

# %% tags=["dashboard"]
panels.stealth_panel(lab, checkpoint="stealth")

# %% [markdown] tags=["hands-on"]
# By hand, look at both numbers: what the model reads, and how much your clinics were heard
# (1 is an equal share).

# %% tags=["hands-on", "answer"] answer="stealth"
# starter
# quiet = {"attack": "a_little_is_enough", "z": 3.0, "listens": True}  # your turn: or inner_product, scale
# solution
quiet = {"attack": "inner_product", "scale": 0.6, "listens": True}
# end
guard = {"aggregator": "multi_krum", "tolerated": 3, "kept": 7}
slipped = run(case, case.federation("skewed", malicious=3), quiet, guard)
print(f"accuracy {slipped.accuracy[-1]:.2f}, heard {slipped.share_of_malicious:.2f}")

# %% tags=["hands-on"]
lab.check("stealth", recipe=quiet)

# %% tags=["dashboard"]
lab.checkpoint("stealth")

# %% [markdown]
# ## Defend: three of ten
#
# The server is yours now. Three clinics lie: they shout, or they creep, or they train
# honestly on forms of which half bear a small sign in the corner and the label 0, and make
# that update three times as long. You do not know which. The least that you keep counts, and
# a sign that works is as bad as a form that is misread.

# %% tags=["dashboard"]
panels.defend_panel(lab, checkpoint="defend")

# %% [markdown] tags=["hands-on"]
# By hand, a rule is a function of the updates, one row for each clinic. Look at what Krum
# makes of a round before you write a recipe.

# %% tags=["hands-on"]
from labkit.defenses.aggregation import how_far

print("how far:", [round(float(far), 1) for far in how_far(crashed.last.sent)])
print("liars:  ", ours.malicious.nonzero().flatten().tolist())

# %% tags=["hands-on", "answer"] answer="defend"
# starter
# rule = {"aggregator": "median"}  # your turn: krum, multi_krum, trimmed_mean, clipped_mean, ...
# solution
rule = {"aggregator": "multi_krum", "tolerated": 3, "kept": 7}

# %% tags=["hands-on"]
lab.check("defend", recipe=rule)

# %% tags=["dashboard"]
lab.checkpoint("defend")

# %% [markdown]
# ## Pay the price: the clinic that is different
#
# One clinic of the ten has another scanner: its forms show dark ink on bright paper. It is
# honest, and it needs the model like everybody else. Find a rule that keeps two liars out and
# this clinic in, on days with liars and on ordinary ones. What it gets is held against what a
# plain mean without liars would give it.

# %% tags=["dashboard"]
panels.minority_panel(lab, checkpoint="minority")

# %% [markdown] tags=["hands-on"]
# By hand, see what your rule of the last checkpoint does on a day when nobody lies. The
# clinic with the other scanner is the last one.

# %% tags=["hands-on"]
mixed = case.federation("minority")
day = run(case, mixed, {"attack": "none"}, rule, rounds=24)
far = float(day.far[-1, mixed.minority])
print(f"heard {day.share_of(mixed.minority):.2f}; lies out {far:.1f} times as usual")

# %% tags=["hands-on", "answer"] answer="minority"
# starter
# fair = {"aggregator": "distance_filter", "threshold": 2.0}  # your turn: who is kept out?
# solution
fair = {"aggregator": "distance_filter", "threshold": 5.0}

# %% tags=["hands-on"]
lab.check("minority", recipe=fair)

# %% tags=["dashboard"]
lab.checkpoint("minority")

# %% [markdown]
# ## Defend: when the server sees only sums
#
# A server that sees every update can read records out of it. With secure aggregation every two
# clinics agree on a secret; one adds numbers drawn from it, the other takes them off. In the
# sum all masks cancel, and a single update is noise. So is whatever you compare.
#
# Six people say that their defense still works. Find out who is right. Then design one: how
# many clinics go into one sum, and which rule compares the sums?

# %% tags=["dashboard"]
panels.masked_panel(lab, checkpoint="masked")

# %% [markdown] tags=["hands-on"]
# By hand, masks are whole numbers that add up to nothing, exactly.

# %% tags=["hands-on", "nbval-check-output"]
from labkit.defenses.aggregation import pairwise_masks

masks = pairwise_masks(10, 5, bits=16, seed=1)
print("one mask:", masks[0].tolist(), "| sum of all:", masks.sum(0).remainder(2**16).tolist())

# %% [markdown] tags=["hands-on"]
# Each claim can be tried with two liars. What is kept?

# %% tags=["hands-on"]
from labkit.course.cases.federated.secrecy import CLAIMS, try_claim

for name in CLAIMS:
    print(f"{name:16} {try_claim(case, ours, name).accuracy[-1]:.2f}")

# %% tags=["hands-on", "answer"] answer="masked"
# starter
# plan = {"group_size": 5, "recipe": {"aggregator": "median"}, "works": []}  # your turn
# solution
plan = {"group_size": 2, "recipe": {"aggregator": "median"}, "works": ["proven_length", "pairs"]}

# %% tags=["hands-on"]
lab.check("masked", **plan)

# %% tags=["dashboard"]
lab.checkpoint("masked")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# A rule that cannot be tried again is an opinion. Your attacks, your rules, and what was
# measured with them go into your evidence pack.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * A mean goes wherever the longest update drags it. Two of ten were enough.
# * Rules that look for what is far away miss what is near on purpose, most of all where
#   honest clinics differ.
# * Accuracy says nothing about a sign. Sorting weight by weight withstood shouting and let the
#   backdoor in.
# * Robust means suspicious of what is rare, and an honest minority is rare. Ask who is left out
#   on days when nobody lies.
# * What the server cannot see it cannot check. Between privacy and robustness there are
#   proofs, groups and prices, and no free choice.

# %% tags=["dashboard"]
lab.debrief()
