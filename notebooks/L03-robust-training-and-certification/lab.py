# %% [markdown]
# # Robust training and certification
#
# In the evasion range a model that reads well fell to changes that nobody would notice. Now
# you build one that holds, find out which of four others only seem to, and go one step
# further: from *no attack that we tried* to *no attack there is*, within a radius. In the end
# you sign a statement, and somebody measures again.
#
# Everything here is trained on this machine, in seconds, and nothing leaves it.

# %%
import labkit

lab = labkit.open_lab("L03")
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
lab.predict("bare")

# %% tags=["dashboard"]
lab.predict("smoothed")

# %% [markdown]
# ## Attack, in every batch
#
# Adversarial training solves two problems at once: an attacker moves each input to where the
# loss is largest, and the training lowers the loss there,
#
# $$ \min_w \sum_i \max_{\lVert \delta \rVert_\infty \le \epsilon} \mathcal{L}(w; x_i + \delta, y_i) . $$
#
# The methods differ in the inner part. *PGD* takes several small steps. *Fast* training takes
# one, from a random start. *TRADES* does not ask for the label: it looks for the point whose
# answer has drifted furthest from the answer at $x_i$, and a dial $\beta$ says how much that
# counts beside reading well. *Intervals* replace the attacker by an upper bound on all of them.
#
# Every network that you train stays on the chart. Up is more useful, right is more robust.

# %% tags=["hands-on"]
case = lab.case
case.x.shape, case.threat, case.architecture

# %% tags=["dashboard"]
from labkit.ui import robustness as panels

panels.training_panel(lab, checkpoint="robust")

# %% [markdown] tags=["hands-on"]
# ### By hand
#
# Training takes any attack that you hand to it. What crosses to the judge is the weights, and
# nothing else of your network: it is rebuilt there and attacked on digits that you do not have.

# %% tags=["hands-on", "answer"] answer="robust"
from labkit.attacks.evasion import fgsm, pgd
from labkit.defenses import adversarial_training


def training_attack(model, x, y):
    # starter
    # return pgd(model, x, y, epsilon=0.02, steps=1).x_adv  # your turn: which budget, how many steps?
    # solution
    return pgd(model, x, y, epsilon=case.threat.epsilon, steps=5).x_adv


epochs = 30
hardened = adversarial_training(
    case.network, case.train.x, case.train.y, attack=training_attack, epochs=epochs
)

# %% tags=["hands-on"]
from labkit.course.cases.robustness.weights import weights_of

lab.note("robust", {"method": "pgd", "epochs": epochs})
lab.check("robust", weights=weights_of(hardened))

# %% tags=["dashboard"]
lab.checkpoint("robust")

# %% [markdown]
# ## Trust no curve
#
# A contractor trained four networks with the fast method and sends a curve with each: accuracy
# under one step, epoch by epoch. All of them look fine. One to three have *collapsed*: they
# learned to bend the loss so that this one step ends where it does no harm.

# %% tags=["dashboard"]
panels.collapse_panel(lab, checkpoint="collapse")

# %% [markdown] tags=["hands-on"]
# `case.runs` holds the four: `claimed` is the curve that came with them, `models` are the
# networks along the way. Call a network collapsed where PGD leaves less than three quarters of
# what one step leaves.

# %% tags=["hands-on", "answer"] answer="collapse"
from labkit.metrics import robust_accuracy

reported, verdicts = [], []
for run in case.runs:
    one = fgsm(run.model, case.x, case.y, epsilon=case.threat.epsilon)
    # starter
    # many = one  # your turn: an attack that looks again after every step
    # solution
    many = pgd(run.model, case.x, case.y, epsilon=case.threat.epsilon, steps=40, loss="margin")
    # end
    left, seen = (robust_accuracy(run.model, adv, case.threat).value for adv in (many, one))
    reported.append(left)
    verdicts.append("sound" if left >= 0.75 * seen else "collapsed")

# %% tags=["hands-on"]
lab.check("collapse", verdicts=verdicts, reported=reported)

# %% tags=["dashboard"]
lab.checkpoint("collapse")

# %% [markdown]
# ## Certify
#
# An attack that fails proves nothing. A certificate does: *randomized smoothing* asks the network
# about many noisy copies of an input and takes the majority. If the true share of the winning
# class is at least $p > \tfrac12$, no change shorter than
#
# $$ R = \sigma \, \Phi^{-1}(p) $$
#
# in L2 can turn that majority, whoever computes it. The share is estimated from $N$ copies, so
# $p$ is the *lower* end of an exact interval (Clopper and Pearson), and the certificate of each
# input holds with 99.8 % confidence. Where the vote is too close the classifier *abstains*, and
# that counts as wrong.
#
# The other way is without chance: *interval bound propagation* sends a box of inputs through
# every layer. Switch it on in the panel and compare, for a network that was trained for it and
# for one that was not.

# %% tags=["dashboard"]
panels.certificate_panel(lab, checkpoint="certificate")

# %% [markdown] tags=["hands-on"]
# By hand: a network that was trained under noise, smoothed with the same.

# %% tags=["hands-on", "answer"] answer="certificate"
from labkit.defenses.certification import SmoothedClassifier
from labkit.defenses.robust_training import noise_training

# starter
# noise_std, n = 0.5, 100  # your turn
# solution
noise_std, n = 0.25, 1000
# end
noisy = noise_training(case.network, case.train.x, case.train.y, noise_std=noise_std, epochs=30)
made = SmoothedClassifier(noisy, noise_std, n=n, confidence=0.998).certify(case.x, seed=0)

# %% tags=["hands-on"]
lab.check("certificate", weights=weights_of(noisy), noise_std=noise_std, n=n)

# %% tags=["dashboard"]
lab.checkpoint("certificate")

# %% [markdown]
# ## Defend against claims
#
# A vendor shows two certificates, one of each kind, and makes eight claims of them. Three follow.
# Each of the others changes one thing: the norm, the radius, the model, the noise, the confidence,
# or what the share is counted over. Say of each whether it follows, and if not, why.

# %% tags=["dashboard"]
panels.claims_panel(lab, checkpoint="claims")

# %% [markdown] tags=["hands-on"]
# Write the part of a checker that most brochures need: how large may the change of every pixel
# be, if the certificate is in L2?

# %% tags=["hands-on", "answer"] answer="claims"
from labkit.core import Norm
from labkit.defenses.certification import check_claim


# starter
# def reach_of(radius, norm, claimed_norm, pixels):
#     return radius  # your turn: from L2 to every pixel something is lost
#
#
# reasons = ["holds"] * len(case.claims)  # your turn: check_claim() says why each stands or falls
# solution
def reach_of(radius, norm, claimed_norm, pixels):
    return radius / pixels**0.5 if (norm, claimed_norm) == (Norm.L2, Norm.LINF) else radius


reasons = [check_claim(each.claim, case.certificates[each.shown], case.y).reason for each in case.claims]

# %% tags=["hands-on", "nbval-check-output"]
print(f"0.25 in L2 reaches {reach_of(0.25, Norm.L2, Norm.LINF, 64):.4f} in every pixel")

# %% tags=["hands-on"]
lab.check("claims", reasons=reasons)

# %% tags=["dashboard"]
lab.checkpoint("claims")

# %% [markdown]
# ## Pay the price, and sign
#
# Now your own sentence. Five lines about your two networks, the hardened one and the smoothed one,
# that hold when somebody else measures on digits that you have not seen. Say too much and a line
# falls; say so little that it tells nothing, and it falls as well.

# %% tags=["dashboard"]
panels.statement_panel(lab, checkpoint="statement")

# %% tags=["hands-on", "answer"] answer="statement"
from labkit.defenses.certification import certify_intervals
from labkit.metrics import certified_accuracy, clean_accuracy

strongest = pgd(hardened, case.x, case.y, epsilon=case.threat.epsilon, steps=40, loss="margin")
measured = {
    "clean": clean_accuracy(hardened, case.x, case.y),
    "robust": robust_accuracy(hardened, strongest, case.threat),
    "certified": certified_accuracy(made, case.y, 0.25),
    "proven": certified_accuracy(certify_intervals(hardened, case.x), case.y, 0.05),
}
# starter
# lines = {name: rate.value for name, rate in measured.items()} | {"reach": 0.25}  # your turn
# solution
lines = {name: rate.low for name, rate in measured.items()} | {"reach": 0.25 / 8}

# %% tags=["hands-on"]
networks = {"weights": weights_of(hardened), "smoothed": weights_of(noisy)}
feedback = lab.check("statement", **networks, noise_std=noise_std, n=n, lines=lines)
panels.keep_statement(lab, lines)
feedback

# %% tags=["dashboard"]
lab.checkpoint("statement")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# Your statement goes into the evidence pack as text and as data, with the weights behind it, so
# that every line can be measured again.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * Training against the attack helps. How much is known only from an attack that the training
#   did not use, and even then it is an upper bound.
# * One-step training can learn to defeat its own test. The curve of the training does not show it.
# * A certificate is a lower bound against every attack, for one model, one noise, one norm, one
#   radius, and with a stated confidence. Leave one of them out and it is an advertisement.
# * From L2 to every pixel a radius shrinks by the root of their number.

# %% tags=["dashboard"]
lab.debrief()
