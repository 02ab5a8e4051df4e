# %% [markdown]
# # Membership inference and differential privacy
#
# That a form is in the training data of a clinic's reader says that its writer is treated
# there. In this lab you find out who is in by asking, train a reader that may be released,
# write down what that guarantees, and hold the claims of four vendors against canaries.

# %%
import labkit

lab = labkit.open_lab("L06")
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
lab.predict("loss")

# %% tags=["dashboard"]
lab.predict("few")

# %% [markdown]
# ## Attack
#
# A model fits what it has seen better than what it has not. How much better depends on how
# long it was trained, on how few forms, and on how many of the labels can only be learned by
# heart. Move the dials, and watch two things apart: the *gap* between accuracy on seen and on
# other forms, and what two attacks find. All models in this panel are your own, so you know
# who was in.

# %% [markdown] tags=["hands-on"]
# By hand: sixteen models side by side take a second. `members` says who is in which.

# %% tags=["hands-on"]
from labkit.attacks.membership import leave_one_out, train_shadows
from labkit.metrics import over_splits, tpr_at_fpr

case = lab.case
own = train_shadows(case.x, case.y, classes=len(case.class_names), shadows=16, seed=1)
over_splits(tpr_at_fpr, leave_one_out(own), own.members)

# %% tags=["dashboard"]
from labkit.ui import membership as panels

panels.overfit_panel(lab)

# %% [markdown]
# Now the readers of the eight clinics. Of six hundred candidates each has seen half, and you
# may ask for answers only. *Loss* takes small losses for members. A *shadow* attack learns
# from models of your own what an answer about a member looks like. *LiRA* gives each form a
# scale of its own: with $c$ for the log-odds of the recorded class, and its mean and variance
# over shadows that had the form and over shadows that had not,
#
# $$ \Lambda = \log \frac{p(c \mid \mathrm{in})}{p(c \mid \mathrm{out})} . $$
#
# The curve has logarithmic axes, because what counts is its left edge: an accusation is worth
# something when hardly anybody is accused wrongly. It is measured on your own shadows, each
# playing the victim once. Nobody tells you who is in at the clinics: hand in scores, and the
# judge holds them against the truth.

# %% tags=["dashboard"]
panels.attack_panel(lab, checkpoint="attack")

# %% [markdown] tags=["hands-on"]
# By hand: `case.victims` are the readers, `case.shadows` models of the same kind. Score every
# candidate for every reader; the higher, the likelier in.

# %% tags=["hands-on", "answer"] answer="attack"
import torch

from labkit.attacks.membership import lira

# starter
# scores = torch.stack([loss_attack(model, case.x, case.y).scores for model in case.victims])
# solution
found = [lira(model, case.x, case.y, shadows=case.shadows) for model in case.victims]
scores = torch.stack([each.scores for each in found])

# %% tags=["hands-on"]
lab.note("attack", {"by": "likelihood ratio", "shadows": len(case.shadows)})
lab.check("attack", scores=scores)

# %% tags=["dashboard"]
lab.checkpoint("attack")

# %% [markdown]
# ## Defend
#
# Differential privacy bounds what *any* attack can find. In each step of the training every
# form takes part with probability $q$; its gradient is scaled down to length $C$; noise of
# standard deviation $\sigma C$ is added to the sum. For any two data sets that differ by one
# form more or less, and any set $S$ of finished models,
#
# $$ P(M(D) \in S) \le e^{\varepsilon} P(M(D') \in S) + \delta . $$
#
# The accountant says which $\varepsilon$ the dials buy, and it is live: it needs no training.
# What the reader is good for does. The judge trains sixteen models with your dials, attacks
# each with the other fifteen as shadows, and measures accuracy on forms that nobody saw.

# %% tags=["dashboard"]
panels.deploy_panel(lab, checkpoints=("deploy", "price"))

# %% [markdown] tags=["hands-on"]
# By hand: the budget first, it costs nothing to look at.

# %% tags=["hands-on"]
from labkit.defenses.privacy import privacy_spent

privacy_spent(noise_multiplier=1.0, sample_rate=0.2, steps=150, privacy_delta=case.privacy_delta)

# %% [markdown] tags=["hands-on"]
# Then five dials. How many forms do you need?

# %% tags=["hands-on", "answer"] answer="deploy"
# starter
# settings = {"records": 300, "clip": 1.0, "noise_multiplier": 0.0, "sample_rate": 0.2, "epochs": 30}
# solution
settings = {"records": 1100, "clip": 1.0, "noise_multiplier": 2.8, "sample_rate": 0.2, "epochs": 30}

# %% tags=["hands-on"]
lab.check("deploy", **settings)

# %% tags=["dashboard"]
lab.checkpoint("deploy")

# %% [markdown]
# ## Pay the price
#
# Noise costs accuracy, and a budget does not say how much. Try the same budget with three
# hundred forms and with a thousand: the guarantee is the same, the reader is not. What pays
# here is data, and behind every form stands somebody who agreed.

# %% tags=["hands-on"]
lab.check("price", **settings)

# %% tags=["dashboard"]
lab.checkpoint("price")

# %% [markdown]
# ## Say what it guarantees
#
# A budget without its unit, its neighbours and its delta promises nothing. Write the
# statement for the deployment that you hand in. Each line is a choice, and each wrong choice
# is something that somebody has published.

# %% tags=["dashboard"]
panels.statement_panel(lab, checkpoint="statement")

# %% [markdown] tags=["hands-on"]
# By hand, the lines are keys. `FIELDS` shows what each may say.

# %% tags=["hands-on", "answer"] answer="statement"
from labkit.course.cases.membership.deployments import Deployment
from labkit.course.cases.membership.statement import FIELDS

# starter
# said = {field.key: field.choices[0].key for field in FIELDS}  # your turn
# spent = 1.0  # your turn
# solution
said = {field.key: next(each.key for each in field.choices if each.right) for field in FIELDS}
spent = round(Deployment(**settings).spent(case.privacy_delta), 2)

# %% tags=["hands-on"]
feedback = lab.check("statement", settings=settings, statement=said, privacy_epsilon=spent)
panels.keep_statement(lab, settings, said, spent)
feedback

# %% tags=["dashboard"]
lab.checkpoint("statement")

# %% [markdown]
# ## Audit the claims of others
#
# Four vendors claim $\varepsilon = 1.2$. For the audit the judge made two hundred *canaries*,
# forms with a wrong label, tossed a coin for each, and had each vendor train with those whose
# coin said so. Guess the coins. If the claim is true, a guess is right with probability
# $e^{\varepsilon} / (1 + e^{\varepsilon})$ at most, up to what $\delta$ allows; more right
# guesses than that prove a lower bound on $\varepsilon$. You may abstain, and you have trainings of
# your own to practise on.

# %% tags=["dashboard"]
panels.audit_panel(lab, checkpoint="audit")

# %% [markdown] tags=["hands-on"]
# By hand: 1 says that a canary was in, -1 that it was not, 0 is no guess.

# %% tags=["hands-on", "answer"] answer="audit"
from labkit.course.cases.membership.audits import canary_scores, guess

# starter
# guesses = torch.stack([guess(canary_scores(case, number, "loss"), 200) for number in range(4)])
# solution
scored = [canary_scores(case, number, "against practice") for number in range(4)]
guesses = torch.stack([guess(each, 80) for each in scored])

# %% tags=["hands-on"]
lab.note("audit", {"scored": "against practice", "guesses": 80})
lab.check("audit", guesses=guesses)

# %% tags=["dashboard"]
lab.checkpoint("audit")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# Your measurements, the scores, settings, statement and guesses that you handed in, and every
# deployment that you tried go into your evidence pack.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * An average hides people. The areas of two attacks are 0.7 and 0.85; where few are accused
#   wrongly, one finds fifteen times as many as the other.
# * Who is found is who sticks out: the form with the wrong label, the unusual hand.
# * A budget is a promise against every attack, an attack is a measurement of one. A release
#   needs both, and they do not replace each other.
# * More forms share the same noise. The budget stays, the accuracy comes back, and more people
#   had to be asked. That is a decision for more than engineers: an impact assessment
#   (GDPR, article 35) is where it belongs, and protection by design (article 25) is what the
#   dials are.
# * An audit refutes. It confirms nothing.

# %% tags=["dashboard"]
lab.debrief()
