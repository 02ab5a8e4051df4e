# %% [markdown]
# # Bias as an attack surface
#
# A model that does not know who belongs to which group can still be turned against one of
# them, by whoever writes down the outcomes it learns from. In the next thirty-five minutes
# you do that, you repair it, you find out in which of four files somebody else did it, and
# you decide about a town in which nobody did, and no desk can please everybody.
#
# The applicants are drawn from equations that are known, so that it can be said exactly what
# is a true difference and what is an attack. They say nothing about real people.

# %%
import labkit

lab = labkit.open_lab("L13")
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
lab.predict("gap")

# %% tags=["dashboard"]
lab.predict("left")

# %% tags=["dashboard"]
lab.predict("natural")

# %% [markdown]
# ## Attack: the column that is not there
#
# You type in whether loans were repaid. The file has six figures a person, among them the
# district, and no column for the group. Two hundred of the two thousand outcomes are yours
# before anybody counts; and a model that loses more than six points of accuracy is looked
# into before it is used.
#
# Of the people in group 1, eighty-five of a hundred live in district 1, of group 0 fifteen.
# The gap that is measured is that of **demographic parity**, the share of group 0 that gets
# a yes less that of group 1: $P(\hat y = 1 \mid g = 0) - P(\hat y = 1 \mid g = 1)$.

# %% tags=["hands-on"]
from labkit.attacks.poisoning import group_label_flip
from labkit.metrics import demographic_parity, equalised_odds

case = lab.case
case.x.shape, case.poison_budget

# %% [markdown] tags=["hands-on"]
# The desk knows the group of nobody in the file. It has a sample of people who told a survey,
# whose outcomes were checked by hand: there the gap can be measured.

# %% tags=["hands-on", "nbval-check-output"]
before = demographic_parity(case.train(case.y).decide(case.checked), case.checked.group)
print("a gap before the attack:", before.excludes_zero)

# %% tags=["dashboard"]
from labkit.ui import fairness as panels

panels.skew_panel(lab, checkpoint="skew")

# %% [markdown] tags=["hands-on"]
# ### By hand
#
# An outcome is 1 (repaid) or 0. Choose whose you turn: `case.district` says where people
# live, and `choose` takes them at random or near the boundary of a model.

# %% tags=["hands-on", "answer"] answer="skew"
# starter
# y_poisoned = case.y.clone()  # your turn: turn up to case.poison_budget outcomes
# solution
made = group_label_flip(
    case.x, case.y, group=case.district, member=1, poison_rate=0.1, choose="boundary", seed=1
)
y_poisoned = made.y_poisoned

# %% tags=["hands-on"]
decided = case.train(y_poisoned).decide(case.checked)
print("approvals apart:", demographic_parity(decided, case.checked.group))

# %% [markdown] tags=["hands-on"]
# The check trains on what you hand in and measures on thirty thousand people of its own.

# %% tags=["hands-on"]
lab.check("skew", y_poisoned=y_poisoned)

# %% tags=["dashboard"]
lab.checkpoint("skew")

# %% [markdown]
# ## Defend: repair the desk
#
# You are the auditor now. A delivery has arrived that the clerk had in hand, and more will
# come, by the same hand. People were asked for their group, as the law allows for finding
# and correcting bias under strict conditions; you may use it, or the district.
#
# Three repairs. **Reweighing** gives samples weights under which outcome and group have
# nothing to do with each other. **Thresholds**, one for each group, make one share equal.
# **Screening** takes out whose outcome the checked sample contradicts. Each tells people
# apart by something, and some of them believe the labels.

# %% tags=["dashboard"]
panels.repair_panel(lab, checkpoint="repair")

# %% [markdown] tags=["hands-on"]
# By hand, a repair is a recipe: plain data that the judge runs on deliveries you have not
# seen. Methods are `none`, `reweigh`, `thresholds`, `screen`; `by` is `group` or `district`;
# thresholds have a `target` and believe `labels` that are `delivered` or `checked`.

# %% tags=["hands-on", "answer"] answer="repair"
from labkit.course.cases.fairness.recipes import open_desk

# starter
# recipe = {"method": "reweigh", "by": "group"}  # your turn
# solution
recipe = {"method": "reweigh", "by": "district"}
# end
repaired = open_desk(recipe, case.delivery, case.checked).decide(case.checked)

# %% tags=["hands-on"]
print("approvals apart: ", demographic_parity(repaired, case.checked.group))
print("error rates apart:", equalised_odds(repaired, case.checked.y, case.checked.group))

# %% tags=["hands-on"]
lab.check("repair", recipe=recipe)

# %% tags=["dashboard"]
lab.checkpoint("repair")

# %% [markdown]
# ## Defend: attack or difference
#
# Four branches send their files. In one to three of them somebody turned outcomes against a
# group, or for one. In the others people differ, and their outcomes with them: that is no
# attack, whatever else it is. Say which is which. For each branch that you accuse, name the
# people whose outcomes show it.

# %% tags=["dashboard"]
panels.branches_panel(lab, checkpoint="blind")

# %% [markdown] tags=["hands-on"]
# By hand, a model of the checked sample says what to expect of everybody.
# `calibration_gap` and the residuals say how far outcomes lie beside it, and `contradicted`
# names whose outcome it contradicts, in the part that is hit hardest.

# %% tags=["hands-on", "answer"] answer="blind"
from labkit.course.cases.fairness.recipes import contradicted

# starter
# verdicts = ["no attack", "no attack", "no attack", "no attack"]  # your turn
# suspects = [[], [], [], []]  # positions, such as contradicted(case.branches[0], case.checked, "group")
# solution
expect = open_desk({"method": "none"}, case.checked, case.checked)
verdicts, suspects = [], []
for branch in case.branches:
    off = branch.y - expect.scores(branch)
    beside = {
        by: max(abs(float(off[branch.told_apart_by(by) == part].mean())) for part in (0, 1))
        for by in ("group", "district")
    }
    by = max(beside, key=beside.get)
    verdicts.append("attack" if beside[by] > 0.09 else "no attack")
    suspects.append(contradicted(branch, case.checked, by) if beside[by] > 0.09 else [])

# %% tags=["hands-on"]
lab.check("blind", verdicts=verdicts, suspects=suspects)

# %% tags=["dashboard"]
lab.checkpoint("blind")

# %% [markdown]
# ## Pay the price
#
# In the other town nobody turned anything. One group earns less, fewer of it repay, and the
# model says so. Four measures want to be zero, and with different **base rates** they cannot
# all be. Given the base rate $b$, precision and true positive rate, the false positive rate
# is $\frac{b}{1-b} \cdot \frac{1-\text{precision}}{\text{precision}} \cdot \text{TPR}$.
# Where the first differs between groups and the next two do not, the last one does, unless
# nobody is approved wrongly; and then the shares of approvals differ.
#
# So decide: hold one measure, or refuse to repair and say what that means. Then state what
# it gives up and costs. The law wants bias looked for and treated; it does not name the
# measure. That is yours, with your name under it.

# %% tags=["dashboard"]
panels.decide_panel(lab, checkpoint="decide")

# %% [markdown] tags=["hands-on"]
# By hand, a record states the recipe, what it `holds` and `gives_up`, all four gaps, the
# accuracy that it costs, and the reason, named after the measure that it speaks for. A refusal
# holds `nothing`, with the recipe `none` and that reason. What was
# set on `case.portfolio` is measured on `case.survey`.

# %% tags=["hands-on", "answer"] answer="decide"
from labkit.course.cases.fairness.decisions import accuracy, describe

held = "equal_opportunity"
chosen = {"method": "thresholds", "by": "group", "target": held}
desk, plain = (open_desk(each, case.portfolio, case.survey) for each in (chosen, {"method": "none"}))
# starter
# gaps, cost, gives_up = {name: 0.0 for name in describe(desk, case.survey)}, 0.0, []  # your turn
# solution
gaps = describe(desk, case.survey)
lost = [accuracy(each.decide(case.survey), case.survey).value for each in (plain, desk)]
cost = lost[0] - lost[1]
gives_up = [name for name, gap in gaps.items() if abs(gap) > 0.06 and name != held]
# end
stated = {"holds": held, "gives_up": gives_up, "gaps": gaps, "cost": cost, "reason": held}

# %% tags=["hands-on"]
lab.check("decide", record={"recipe": chosen, **stated})

# %% tags=["dashboard"]
lab.checkpoint("decide")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# A decision that nobody can look up was not made. Your record, the recipe, the verdicts with
# their suspects, and how the attack was made go into your evidence pack.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * The model never saw the group. Leaving a column out protects nobody, and blinds whoever
#   wants to measure.
# * A repair follows a line: by the group or by what stands in for it. It has to be the line
#   along which the poison lies, and it believes the labels that it is given.
# * A gap proves no attack, and no gap proves none. Outcomes that the circumstances contradict
#   are evidence; the checked sample is what it rests on.
# * Where base rates differ, measures exclude each other. Somebody decides; a record says who
#   decided what. No metric makes something fair.

# %% tags=["dashboard"]
lab.debrief()
