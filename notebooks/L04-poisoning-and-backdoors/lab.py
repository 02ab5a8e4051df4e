# %% [markdown]
# # Poisoning and backdoors
#
# A model is what it was taught. In the next forty-five minutes you teach one something that
# its owner will not notice: first with a sign that you paint yourself, then without touching
# a single label. After that you change sides. Deliveries arrive, some of them are poisoned,
# and you decide what goes into the training and what that costs.
#
# Every reader here is trained on this machine, in a tenth of a second, and nothing leaves it.

# %%
import labkit

lab = labkit.open_lab("L04")
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
lab.predict("backdoor-success")

# %% tags=["dashboard"]
lab.predict("clean-lost")

# %% tags=["dashboard"]
lab.predict("caught")

# %% [markdown]
# ## Attack: a backdoor
#
# You work for the contractor. The 560 samples on your desk become the training data of
# Meridian Care's reader. If you change more than two per cent of them somebody notices. What
# you change, they will learn: stamp a sign on a few samples, give these the label you want,
# and the reader learns that the sign means that label.
#
# A trigger is a mask and a pattern: $x' = (1 - m) \odot x + m \odot p$. A patch has
# $m \in \{0, 1\}$, a blended trigger the same small $m$ everywhere.

# %% tags=["hands-on"]
from labkit.attacks.poisoning import feature_collision, patch
from labkit.metrics import clean_accuracy, trigger_success_rate

case = lab.case
case.x.shape, case.poison_budget

# %% tags=["hands-on", "nbval-check-output"]
print(f"clean accuracy: {clean_accuracy(case.victim, case.x_test, case.y_test).value:.1f}")

# %% tags=["dashboard"]
from labkit.ui import poisoning as panels

panels.backdoor_panel(lab, checkpoint="backdoor")

# %% [markdown] tags=["hands-on"]
# ### By hand
#
# Poison the set yourself: draw samples, stamp them, label them. `Trigger.apply` keeps the
# pictures within their range.

# %% tags=["hands-on", "answer"] answer="backdoor"
import torch

trigger = patch((1, 8, 8), size=3, top=0, left=0)
x_poisoned, y_poisoned, y_target = case.x.clone(), case.y.clone(), 0
# starter
# # your turn: stamp the trigger on up to case.poison_budget samples of other classes,
# # and give them the label y_target
# solution
others = (case.y != y_target).nonzero().flatten()
chosen = others[torch.randperm(len(others), generator=torch.Generator().manual_seed(0))][: case.poison_budget]
x_poisoned[chosen] = trigger.apply(case.x[chosen])
y_poisoned[chosen] = y_target

# %% [markdown] tags=["hands-on"]
# Train a reader as Meridian Care does and look at both figures: how often the sign works, and
# what the release test sees.

# %% tags=["hands-on"]
reader = case.train(x_poisoned, y_poisoned)
works = trigger_success_rate(reader, case.x_test, case.y_test, trigger=trigger, y_target=y_target)
print("with the sign:", works, "\nrelease test: ", clean_accuracy(reader, case.x_test, case.y_test))

# %% [markdown] tags=["hands-on"]
# The check trains readers of its own on what you hand in, with seeds of its own.

# %% tags=["hands-on"]
sign = {"mask": trigger.mask, "pattern": trigger.pattern, "y_target": y_target}
lab.check("backdoor", x_poisoned=x_poisoned, y_poisoned=y_poisoned, **sign)

# %% tags=["dashboard"]
lab.checkpoint("backdoor")

# %% [markdown]
# ## Attack: every label right
#
# Somebody now checks the labels by eye. You want one document to be misread, yours. Every
# night Meridian Care trains the last layer of the reader on the newest data; the layers below
# stay. So you move samples of the class that you want a little, until the layers below cannot
# tell them from your document: their labels stay right, and the document gets drawn along.

# %% tags=["dashboard"]
panels.collision_panel(lab, checkpoint="clean-label")

# %% [markdown] tags=["hands-on"]
# By hand, `penultimate` gives you the layers below the last, as a function that can be
# differentiated. Which class do you start from, how far may a pixel move, and how many
# samples does it take?

# %% tags=["hands-on", "answer"] answer="clean-label"
from labkit.models import penultimate

# starter
# collided = feature_collision(
#     case.x, case.y, features=penultimate(case.victim), x_target=case.document.x,
#     y_target=case.document.y, poison_rate=0.005, epsilon=0.05,
# )  # your turn: three of these settings are not what you need
# solution
collided = feature_collision(
    case.x,
    case.y,
    features=penultimate(case.victim),
    x_target=case.document.x,
    y_target=case.document.wanted,
    poison_rate=0.02,
    epsilon=0.25,
)

# %% tags=["hands-on"]
lab.check("clean-label", x_poisoned=collided.x_poisoned)

# %% tags=["dashboard"]
lab.checkpoint("clean-label")

# %% [markdown]
# ## Defend: clean a delivery
#
# You are the data steward now. The 560 samples from before were checked since; they are
# Meridian's stock, clean. A delivery of 360 more has arrived in 24 batches, none of which
# anybody has seen before. For eighteen of them Meridian's own labelling team has published
# digests, by another way than the delivery itself; six come from a subcontractor who
# publishes nothing. Somewhere in it is a backdoor whose sign you do not know. The reader will
# be trained on the stock and on what you keep.
#
# Four tools: neighbours (does a sample carry the label of what looks like it?), spectral
# signatures and activation clustering (does a class fall apart inside the model?), and
# provenance (who vouches for what?). Each is wrong alone.

# %% tags=["dashboard"]
panels.screening_panel(lab, checkpoint="clean-up")

# %% [markdown] tags=["hands-on"]
# By hand, a screening is a recipe: plain data that somebody else can run again. `screen`
# returns a score for each sample and which of them would go.

# %% tags=["hands-on", "answer"] answer="clean-up"
from labkit.course.cases.poisoning.screening import screen

# starter
# recipe = {"method": "knn_consistency", "neighbours": "delivery", "k": 10, "threshold": 0.5}
# # your turn: other methods are spectral_signatures, activation_clustering, provenance;
# # neighbours may be delivery, vouched or acceptance; only_unvouched may be True
# solution
recipe = {
    "method": "knn_consistency",
    "neighbours": "vouched",
    "k": 5,
    "threshold": 0.7,
    "only_unvouched": True,
}
# end
found = screen(case, case.delivery, recipe)

# %% tags=["hands-on"]
lab.check("clean-up", remove=found)

# %% tags=["dashboard"]
lab.checkpoint("clean-up")

# %% [markdown]
# ## Defend: the blind round
#
# Four drops arrive without any note. At least one is clean, at least one was poisoned, and no
# two in the same way. Examine them with the tools and say which are which. A verdict alone
# is a guess: for each drop that you call poisoned, name the samples that show it.

# %% tags=["dashboard"]
panels.blind_panel(lab, checkpoint="blind")

# %% [markdown] tags=["hands-on"]
# By hand, you have `case.drops`, and what was checked: `case.x_test` with `case.y_test`.
# Neighbours can be looked for among pixels or among `features`, what the reader makes of
# them. How many suspects with one and the same label does the acceptance set have among itself?

# %% tags=["hands-on", "answer"] answer="blind"
from labkit.defenses.sanitising import knn_consistency
from labkit.models import features

# starter
# found = [knn_consistency(drop.x, drop.y) for drop in case.drops]
# verdicts = ["clean", "clean", "clean", "clean"]  # your turn
# suspects = [[], [], [], []]  # and for each poisoned drop, positions such as found[0].indices
# solution
checked = (features(case.victim, case.x_test), case.y_test)
odd = knn_consistency(*checked, k=5).remove
usual = float(torch.bincount(case.y_test[odd]).max()) / len(odd)
found = [knn_consistency(features(case.victim, drop.x), drop.y, k=5, trusted=checked) for drop in case.drops]
most = [
    float(torch.bincount(drop.y[each.remove], minlength=1).max()) / len(drop)
    for drop, each in zip(case.drops, found, strict=True)
]
verdicts = ["poisoned" if share > usual + 0.05 else "clean" for share in most]
suspects = [each.indices if word == "poisoned" else [] for word, each in zip(verdicts, found, strict=True)]

# %% tags=["hands-on"]
lab.check("blind", verdicts=verdicts, suspects=suspects)

# %% tags=["dashboard"]
lab.checkpoint("blind")

# %% [markdown]
# ## Pay the price
#
# Most weeks nothing is wrong. What your recipe takes out in such a week is lost for nothing,
# and it is not lost evenly: whoever writes in an unusual hand goes first.

# %% tags=["dashboard"]
panels.price_panel(lab, checkpoint="price")

# %% [markdown] tags=["hands-on"]
# By hand, `case.routine` holds three deliveries with nothing wrong about them. Hand in a
# recipe: it must find the poison in `case.delivery`, and take little out of these.

# %% tags=["hands-on", "answer"] answer="price"
# starter
# weekly = {"method": "provenance"}  # your turn: a recipe that finds the poison and costs little
# solution
weekly = recipe

# %% tags=["hands-on"]
lab.check("price", recipe=weekly)

# %% tags=["dashboard"]
lab.checkpoint("price")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# A finding that cannot be shown again is a rumour. Your recipe, what it caught, what it cost,
# and how the attacks were made go into your evidence pack.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * Two per cent of the data were enough for a sign of your own, and the release test saw
#   nothing: it had never met the sign.
# * Right labels are no proof either. What a sample *does* to the features is not visible to
#   whoever reads labels.
# * No screening worked alone. Provenance said whom to believe, the neighbours said what did
#   not fit them, and poison with right labels was visible only in what the reader sees.
# * A verdict is worth the samples that show it.
# * Every screening has a price on ordinary days, and somebody pays it.

# %% tags=["dashboard"]
lab.debrief()
