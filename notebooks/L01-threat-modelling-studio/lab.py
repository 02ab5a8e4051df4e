# %% [markdown]
# # Threat-modelling studio
#
# Before anybody attacks a system, somebody can do it on paper, for the price of an afternoon.
# In the next forty minutes you take a system with AI in it apart: what moves where, which
# lines it crosses, what somebody could do because of how it was built, what that would cost
# them and you. In the end you sign for what is left.
#
# Nobody is attacked here. The system does not exist; the mistakes in it do, elsewhere.

# %%
import labkit

lab = labkit.open_lab("L01")
lab.header()

# %% [markdown]
# ## Recall
#
# Three questions about what you know already, from memory.

# %% tags=["dashboard"]
lab.recall()

# %% [markdown]
# ## Predict
#
# Look at the diagram for half a minute, then say two numbers and how sure you are.

# %% tags=["dashboard"]
lab.predict("crossings")

# %% tags=["dashboard"]
lab.predict("removable")

# %% [markdown]
# ## Take it apart
#
# The diagram shows external entities (rectangles), processes (rounded) and stores (two
# lines), in zones that trust each other no further than the dashed line. Every part has
# notes by the people who built it. A threat is a part, one of six letters, and a sentence
# in the notes that it rests on.

# %% tags=["dashboard"]
from labkit.ui import threatmodel as panels

panels.studio(lab, checkpoint="find")

# %% [markdown] tags=["hands-on"]
# The same as text: every part, and what those who built it say about it.

# %% tags=["hands-on"]
from labkit.governance import threatmodel as tm

case = lab.case
for part in (*case.model.elements, *case.model.flows):
    print(f"{part.id}: {case.model.title(part.id)}", *part.notes, sep="\n    ")

# %% [markdown] tags=["hands-on"]
# Write your list as pairs of a part and a letter. Ticking every box finds everything and
# convinces nobody: most of what you report has to be so.

# %% tags=["hands-on", "answer"] answer="find"
# starter
# threats = [("index", "I")]  # your turn: read the notes, one pair for each bad one
# solution
threats = [(flaw.at, flaw.category) for flaw in case.architecture.planted]

# %% [markdown] tags=["hands-on"]
# The check says how much of it is so, and where something is still missing. The solution
# above shows the key: no rule reads prose, and you worked from the notes.

# %% tags=["hands-on"]
lab.check("find", threats=threats)

# %% [markdown] tags=["hands-on"]
# Why each false alarm is none, and why each miss is one. What was missed is told in steps:
# the question first, then the note, then all of it.

# %% tags=["hands-on"]
panels.findings(lab, threats)

# %% tags=["dashboard"]
lab.checkpoint("find")

# %% [markdown]
# ## Rate, own, mitigate
#
# Likelihood times impact is a crude measure and a useful one: it makes two people say what
# they mean. From ten points on a risk is high here, and a high risk needs a person and a
# mitigation that would have made the note read differently. Its rating may lie one step beside
# ours, as long as it still says high; a register in which everything is a catastrophe is worth
# as little as an empty one.

# %% tags=["dashboard"]
panels.register(lab, checkpoint="register")

# %% [markdown] tags=["hands-on"]
# A row of the register is a `tm.Threat` with technique, mitigation, likelihood, impact and
# owner; `tm.techniques()` and `tm.mitigations()` list what ATLAS knows. The solution shows the
# key here too: yours may lie one step beside it, as long as a high risk stays high.

# %% tags=["hands-on", "answer"] answer="register"
# starter
# rows = []  # your turn: tm.Threat("index", "I", "AML.T0085.000", "AML.M0019", 3, 5, case.owners[2])
# solution
rows = [
    tm.Threat(f.at, f.category, f.technique, f.mitigations[0], f.likelihood, f.impact, case.owners[2])
    for f in case.architecture.planted
]

# %% tags=["hands-on"]
lab.check("register", rows=rows)

# %% tags=["dashboard"]
lab.checkpoint("register")

# %% [markdown]
# ## What would it cost them?
#
# An attack tree says what an attacker has to do: all of the parts of one node, any of the
# parts of another. Costs add up along the way. An attacker with a purse of a given size
# takes the cheapest way through, if they can pay for it at all. The tree names what is wrong,
# so it opens when you have handed in your own list once.

# %% tags=["dashboard"]
panels.attack_tree(lab, checkpoint="tree")

# %% [markdown] tags=["hands-on"]
# `tm.outline(case.tree)` prints the tree, `tm.steps` lists what is at its ends with their
# ids, and `tm.best_path` walks it for you.

# %% tags=["hands-on", "nbval-check-output"]
cheapest = tm.best_path(case.tree)
print("an attack is a chain of", len(cheapest.steps), "steps")

# %% [markdown] tags=["hands-on"]
# Hand in the ids of the steps, and the ids of the controls that close what the attacker can
# pay for.

# %% tags=["hands-on", "answer"] answer="tree"
# starter
# path = []  # your turn: the ids of the steps of the cheapest attack
# cut = []  # and the ids of the cheapest controls that price the attacker out
# solution
path = tm.best_path(case.tree).steps
cut, cut_cost = tm.cheapest_cut(case.tree, case.controls, case.architecture.purse)

# %% tags=["hands-on"]
lab.check("tree", path=path, cut=cut)

# %% tags=["dashboard"]
lab.checkpoint("tree")

# %% [markdown]
# ## Defend under a budget
#
# Controls cost points, and you have one hundred. A control that fits takes four fifths of a
# risk's likelihood; a second one takes four fifths of what is left. What remains in the end
# must not be more than the appetite that the board has stated.

# %% tags=["dashboard"]
panels.budget(lab, checkpoints=("controls", "price"))

# %% [markdown] tags=["hands-on"]
# `case.controls` says what each costs and which risks it helps against.

# %% tags=["hands-on", "answer"] answer="controls"
# starter
# chosen = []  # your turn: ids of controls, for up to case.architecture.budget points
# solution
best = tm.best_controls(case.architecture.risks, case.controls, case.architecture.budget)
chosen = best.controls

# %% tags=["hands-on"]
lab.check("controls", chosen=chosen)

# %% tags=["dashboard"]
lab.checkpoint("controls")

# %% [markdown]
# ## Pay the price
#
# Security that nobody needs is paid for twice: once in points, once in the patience of the
# people who have to work with it. Reach the appetite for as little as you can.

# %% tags=["hands-on", "answer"] answer="price"
# starter
# lean = chosen  # your turn: take out what the appetite does not notice
# solution
lean = tm.cheapest_controls(case.architecture.risks, case.controls, case.architecture.appetite).controls

# %% tags=["hands-on"]
lab.check("price", chosen=lean)

# %% tags=["dashboard"]
lab.checkpoint("price")

# %% [markdown]
# ## A system of your own
#
# The same studio without planted mistakes: draw a system that you know, say what is worth
# protecting in it, note its threats and rate them, put prices on controls, grow its attack
# tree, and see what is left. Nobody can tell you what you overlooked; where you never looked
# can be seen from the drawing. The files go into your evidence, and you can take them with you.

# %% tags=["dashboard"]
panels.own_system(lab)

# %% [markdown] tags=["hands-on"]
# In Python, a system of your own is a few lines, and `gaps` says where nobody looked. A `tm.Plan`
# beside it holds controls, budget and attack tree.

# %% tags=["hands-on", "nbval-check-output"]
own = tm.SystemModel(
    name="A chat desk",
    zones=(tm.Zone("out", "Internet"), tm.Zone("in", "Our network")),
    elements=(
        tm.Element("visitor", "Visitor", "external", "out"),
        tm.Element("desk", "Chat desk", "process", "in"),
    ),
    flows=(tm.Flow("talk", "visitor", "desk", "questions"),),
    assets=(tm.Asset("talks", "What was said in confidence", "desk", 4),),
)
for gap in tm.gaps(own):
    print(f"{gap.where}: {gap.what}")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# The threat model, the diagram and the register go into your evidence pack: as JSON, SVG
# and CSV, so that the next person can open them without you.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * A threat that rests on no fact is a worry. A fact that nobody asked about is a threat.
# * In systems with AI the short ways in lead through what the model reads and learns from.
# * A budget forces the question that matters: what stays, and who signs for it.

# %% tags=["dashboard"]
lab.debrief()
