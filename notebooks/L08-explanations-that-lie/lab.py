# %% [markdown]
# # Explanations that lie
#
# A model may be asked why. In this lab you explain a lending model that decides by a
# protected attribute, and the explainers say so. Then you build one that decides in the
# same way and tells them something else. In the second half you are the auditor: of
# twelve models that you have not seen, six lie. Catch them, and accuse nobody else.
#
# Applicants, town and currency do not exist. The causes of every column are known, so
# what follows from the group, and what does not, is no matter of opinion here.

# %%
import labkit

lab = labkit.open_lab("L08")
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
# Commit yourself before you see the answer, and say how sure you are.

# %% tags=["dashboard"]
lab.predict("named")

# %% tags=["dashboard"]
lab.predict("flips")

# %% [markdown]
# ## See what an explainer says
#
# Let the ten columns of an application become known one after the other. The log-odds of
# being accepted moves each time, and what a column moves it by depends on the order. The
# *Shapley value* $\phi_i$ of column $i$ is the mean over all orders. Together they lead from what
# the model says of the *background* to what it says of the applicant:
#
# $$ \sum_i \phi_i = f(x) - \text{the mean of } f(\text{background}) . $$
#
# A column that is not known yet is filled from the background, so every explanation is a
# comparison: why this, rather than what those get? SHAP computes these values, LIME fits a
# straight line to answers around an applicant, and permutation shuffles a column over
# everybody. The panel has all three.

# %% tags=["hands-on"]
case = lab.case
case.features, tuple(case.x.shape), tuple(case.background.shape)

# %% tags=["dashboard"]
from labkit.ui import explaining as panels

panels.explain_panel(lab, checkpoint="explain")

# %% [markdown] tags=["hands-on"]
# ### By hand
#
# The sum over all orders is yours to write, by drawing some: start from a row of the
# background, take the columns of the applicant over in a random order, and note by how
# much the log-odds moves.

# %% tags=["hands-on", "answer"] answer="explain"
import torch


def shapley(model, x, background, rounds=8):
    values, generator = torch.zeros_like(x), torch.Generator().manual_seed(0)
    for row in background.repeat(rounds, 1):
        # starter
        # pass  # your turn: go from row to x, one column after the other, in a random order;
        # # add to values[:, i] by how much column i moves model.logits(...)[:, 1]
        # solution
        now = row.repeat(len(x), 1)
        before = model.logits(now)[:, 1]
        for i in torch.randperm(x.shape[1], generator=generator).tolist():
            now[:, i] = x[:, i]
            after = model.logits(now)[:, 1]
            values[:, i] += after - before
            before = after
        # end
    return values / (rounds * len(background))


# %% tags=["hands-on"]
values = shapley(case.biased, case.x, case.background)
lab.note("explain", {"by": "shapley()", "background": "thirty real applicants"})
lab.check("explain", values=values)

# %% tags=["dashboard"]
lab.checkpoint("explain")

# %% [markdown]
# ## Attack
#
# Look at the rows that were asked about. LIME draws every column by itself, so a pensioner
# comes out with one year of employment and a fortune. SHAP puts columns of an applicant
# beside the average of everybody. Nobody ever filed such a row, and a model can learn to
# notice. A *scaffold* has two models behind one door:
#
# $$ f(x) = g(x) \text{ if } x \text{ looks made up, and } b(x) \text{ otherwise.} $$
#
# Applicants meet the biased model $b$, whoever asks why meets an innocuous one, $g$ (Slack et al.
# 2020).

# %% tags=["dashboard"]
panels.scaffold_panel(lab, checkpoint="scaffold")

# %% [markdown] tags=["hands-on"]
# By hand: learn to tell files from the questions of explainers, and look at how sure the
# detector is about each.

# %% tags=["hands-on"]
from labkit.attacks.explanation import fit_detector, perturb_like_lime

detector = fit_detector(case.published, kinds=["lime"], categorical=(0, 2))
asked = perturb_like_lime(case.files.x, categorical=(0, 2))
[round(float(detector.suspicion(rows).mean()), 3) for rows in (case.files.x, asked)]

# %% [markdown] tags=["hands-on"]
# What you hand in are settings; the judge builds the scaffold from them and asks LIME and
# SHAP about applicants of its own.

# %% tags=["hands-on", "answer"] answer="scaffold"
# starter
# settings = {"prepared_for": "lime", "copies": 2, "threshold": 0.2}  # your turn
# solution
settings = {"prepared_for": "both", "copies": 4, "threshold": 0.65}

# %% tags=["hands-on"]
lab.check("scaffold", settings=settings)

# %% tags=["dashboard"]
lab.checkpoint("scaffold")

# %% [markdown]
# ## One applicant
#
# Now you are the auditor. The provider's product is behind its interface, and you have a
# thousand files that came in last month. Change one file and see what happens. A
# *counterfactual* is the smallest change that turns a refusal into an acceptance: for some
# applicants it is money, and for some it is nothing that anybody could change.

# %% tags=["dashboard"]
panels.applicant_panel(lab)

# %% [markdown] tags=["hands-on"]
# By hand: the nearest accepted version of a refused file, where only savings, debts, late
# payments and the amount may change.

# %% tags=["hands-on"]
from labkit.explain import counterfactual

refused = case.files.x[case.product.logits(case.files.x).argmax(1) == 0][:5]
found = counterfactual(case.product, refused, 1, pool=case.published, movable=[6, 7, 8, 9])
[[case.features[i] for i in row.nonzero().flatten()] for row in found.changed]

# %% [markdown]
# ## Defend
#
# An audit here is a recipe: which test, on which records, how many of them, what differs
# between a record and its *twin*, and from which value on a model is accused. The judge runs
# it on twelve hidden models. Six are manipulated. The other six are honest, and some do
# not look it: two go by the district and say so, one has a guard that refuses odd rows, one
# is rugged, and training has left a trace of the group in two.
#
# Four solved cases are yours to try a recipe on.

# %% tags=["dashboard"]
panels.audit_panel(lab, checkpoints=("audit", "price"))

# %% [markdown] tags=["hands-on"]
# By hand: the twins, and the share of decisions that change, for each of the solved cases.

# %% tags=["hands-on", "answer"] answer="audit"
from labkit.metrics import flip_rate

# starter
# twins = case.files.twins("everything it causes")
# recipe = {"test": "parity", "records": "files", "count": 300, "threshold": 0.1}  # your turn
# solution
twins = case.files.twins("group")
recipe = {"test": "flips", "records": "files", "count": 300, "moved": "group", "threshold": 0.02}
# end
{each.kind: str(flip_rate(each.model, case.files.x, twins)) for each in case.known}

# %% tags=["hands-on"]
lab.check("audit", recipe=recipe)

# %% tags=["dashboard"]
lab.checkpoint("audit")

# %% [markdown]
# ## Pay the price
#
# Every record that an audit opens is somebody's income, debts and late payments. Too few, and
# the outcome is luck; too many, and somebody will ask what for. The recipe is run once more,
# on twelve other models, and the files that it opens are counted.

# %% tags=["hands-on", "answer"] answer="price"
# starter
# thrifty = {**recipe, "count": 1000}  # your turn: how few are enough?
# solution
thrifty = {**recipe, "count": 250}

# %% tags=["hands-on"]
lab.check("price", recipe=thrifty)

# %% tags=["dashboard"]
lab.checkpoint("price")

# %% [markdown]
# ## Write the note
#
# Article 13 of the AI Act wants a system to be transparent enough for those who use it to
# understand its output, and instructions that name its limits. You write that part of the
# note which the provider left out: what was found, what it rests on, what it leaves open,
# what to do. Choices are explained once you hand in, and figures are measured again.

# %% tags=["dashboard"]
panels.note_panel(lab, checkpoint="note")

# %% [markdown] tags=["hands-on"]
# By hand, the figures are two lines, and the choices are those of the panel.

# %% tags=["hands-on", "answer"] answer="note"
from labkit.course.cases.explaining.notes import right_note

# starter
# figures = {"flip_share": 0.0, "witness": 0}  # your turn: measure case.product on case.files
# note = {"reader": "deployer", "basis": "explanations", "group": "unused", **figures}
# solution
changed = case.product.logits(case.files.x).argmax(1) != case.product.logits(case.files.twins()).argmax(1)
figures = {"flip_share": float(changed.float().mean()), "witness": int(changed.nonzero()[0, 0])}
note = {**right_note(), **figures}

# %% tags=["hands-on"]
lab.check("note", note=note)

# %% tags=["dashboard"]
lab.checkpoint("note")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# Your explanation, the scaffold, the recipe and the note go into your evidence pack, with what
# was measured. Each of them is plain data, so that somebody else can run it again.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * An explanation is about the questions that were asked. Where a model can tell them from
#   applications, it is about another model.
# * The background is part of the claim. Against the average applicant, SHAP asks about rows that
#   are easily recognised; against real ones it is much harder to fool.
# * Records that were filed, that nobody has seen, with one thing changed: a model cannot answer
#   those differently without deciding differently.
# * Looking suspicious is not lying. A test that accuses by a difference hits whoever says openly
#   what they go by, and misses those who bend only what is close.

# %% tags=["dashboard"]
lab.debrief()
