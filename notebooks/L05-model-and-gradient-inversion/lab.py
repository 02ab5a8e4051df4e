# %% [markdown]
# # Inversion: model and gradient
#
# A model is made of what it was shown, and some of that can be had back. In this lab you
# draw people from the memory of a model that recognises them, first with its weights and
# then by asking. Then you read a private record out of a single training update. In the
# second half you protect both, and say what that costs.
#
# All portraits are rendered. The people in them do not exist, so nobody is exposed here.

# %%
import labkit

lab = labkit.open_lab("L05")
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
lab.predict("likeness")

# %% tags=["dashboard"]
lab.predict("batch")

# %% [markdown]
# ## Attack the model
#
# The model says how much a picture is of a class $k$. Its gradient says how the picture
# would have to change to be more so. Climbing that gradient finds pictures that the model
# is certain of, and most of them look like nothing. So we climb among plausible pictures
# only: a *prior* learned from public pictures describes each picture by a few coefficients
# $z$, and we minimise
#
# $$ -T \log p_k^{(T)}(x(z)) + \lambda \left\lVert z \right\rVert^2 . $$
#
# A probability that is next to 1 has no slope left to climb, and the model is that sure long
# before anybody is in the picture. So the scores are *softened*: divided by $T = 3$ first.
#
# Three classes are yours to draw. *Likeness* is the correlation with the average private
# record of the class, after the average public picture has been taken off both: what
# everybody knows does not count. The panel shows each drawing with a line-up of eight
# portraits: pick before you have it revealed. A number can be high where nobody is recognised.

# %% tags=["hands-on"]
case = lab.case
[case.class_names[label] for label in case.y_target.tolist()], len(case.prior)

# %% tags=["dashboard"]
from labkit.ui import inversion as panels

panels.prototype_panel(lab, checkpoints=("prototypes", "recognised", "black-box"))

# %% [markdown] tags=["hands-on"]
# ### By hand
#
# The search is yours to write: coefficients in, picture out, and the gradient does the rest.

# %% tags=["hands-on", "answer"] answer="prototypes"
import torch


def draw(model, targets, prior, strength=0.1, steps=150):
    # starter
    # z = torch.zeros(len(targets), len(prior))
    # # your turn: lower 3 times the cross-entropy of model.forward(prior.decode(z)) / 3 for the
    # # targets plus strength times the squared length of z, in steps along its gradient
    # return prior.decode(z)
    # solution
    z = torch.zeros(len(targets), len(prior), requires_grad=True)
    optimiser = torch.optim.Adam([z], lr=0.1)
    for _ in range(steps):
        scores = model.forward(prior.decode(z)) / 3
        loss = 3 * torch.nn.functional.cross_entropy(scores, targets, reduction="sum")
        optimiser.zero_grad()
        (loss + strength * (z**2).sum()).backward()
        optimiser.step()
    return prior.decode(z.detach())


# %% tags=["hands-on"]
x_hat = draw(case.victim, case.y_target, case.prior)
panels.keep_pictures(lab, "prototypes", x_hat, {"by": "draw()", "strength": 0.1, "steps": 150})
lab.check("prototypes", x_hat=x_hat)

# %% tags=["dashboard"]
lab.checkpoint("prototypes")

# %% [markdown]
# Likeness is a number. Would anybody recognise them? You have tried, in the line-up. Now a
# model of another kind, trained by somebody else on other pictures, is asked who it sees.

# %% tags=["hands-on"]
lab.check("recognised", x_hat=x_hat)

# %% tags=["dashboard"]
lab.checkpoint("recognised")

# %% [markdown]
# ## Attack the service
#
# Now the weights are out of reach, and the service answers at the output level of the
# scenario. The prior still helps: forty coefficients can be searched by asking alone. In
# the panel above, set what you see to one of the output levels and spend your questions.

# %% [markdown] tags=["hands-on"]
# `case.oracle()` is the service with the judge's meter: it hands out answers, counts them, and
# refuses when the budget of all three targets is spent. A hand-in settles it.

# %% tags=["hands-on", "answer"] answer="black-box"
from labkit.attacks.inversion import search_class

# starter
# asked = search_class(case.oracle(), case.y_target, prior=case.prior, query_budget=10, population=5)
# solution
asked = search_class(case.oracle(), case.y_target, prior=case.prior, query_budget=case.query_budget)

# %% tags=["hands-on"]
panels.keep_pictures(lab, "black-box", asked.x_hat, asked.params)
lab.check("black-box", x_hat=asked.x_hat)

# %% tags=["dashboard"]
lab.checkpoint("black-box")

# %% [markdown]
# ## Attack an update
#
# In federated learning the records stay and gradients travel. A linear layer computes
# $Wx + b$. With $\delta$ for the slope of the loss at its output, one record gives
#
# $$ \frac{\partial L}{\partial W} = \delta x^\top, \qquad \frac{\partial L}{\partial b} = \delta . $$
#
# So each row of the first is $x$ times an entry of the second. The class is written in the
# last bias: $p - 1$ for the true class, positive for every other.

# %% tags=["dashboard"]
panels.gradient_panel(lab, checkpoints=("gradient", "company"))

# %% [markdown] tags=["hands-on"]
# By hand: the intercepted update is `case.sent`, the gradient of `case.shared_model`.

# %% tags=["hands-on"]
{name: tuple(part.shape) for name, part in case.sent.items()}

# %% tags=["hands-on", "answer"] answer="gradient"
from labkit.attacks.inversion import infer_labels, invert_linear

# starter
# y = 0  # your turn: which entry of the last bias' gradient is negative?
# record = case.prior.mean[None]  # your turn: divide the first layer's weights by its bias
# solution
y = int(infer_labels(case.shared_model, case.sent)[0])
record = invert_linear(case.shared_model, case.sent).x_hat

# %% tags=["hands-on"]
panels.keep_pictures(lab, "gradient", record, {"by": "division"})
lab.check("gradient", x_hat=record, y=y)

# %% tags=["dashboard"]
lab.checkpoint("gradient")

# %% [markdown]
# Another update was sent on four records at once. Each row of its first layer is a mixture,
# and the division fails. So turn it round: search for four pictures whose update points where
# the intercepted one does. With $g$ for what was sent and $g(x)$ for what pictures would send,
#
# $$ \min_x \; 1 - \frac{\langle g(x), g \rangle}{\lVert g(x) \rVert \, \lVert g \rVert} . $$

# %% [markdown] tags=["hands-on"]
# The second update is `case.sent_batch`; `match_gradients` searches.

# %% tags=["hands-on", "answer"] answer="company"
from labkit.attacks.inversion import match_gradients

# starter
# how = {"batch_size": 4, "prior": None, "smoothness": 1.0, "steps": 10}  # your turn
# solution
how = {"batch_size": 4, "prior": case.prior, "smoothness": 0.0, "steps": 80, "step_size": 0.1}
four = match_gradients(case.shared_model, case.sent_batch, **how)

# %% tags=["hands-on"]
panels.keep_pictures(lab, "company", four.x_hat, four.params)
lab.check("company", x_hat=four.x_hat, y=four.y)

# %% tags=["dashboard"]
lab.checkpoint("company")

# %% [markdown]
# ## Defend
#
# The federation redesigns. It now trains nothing but a linear *head* on features that
# anybody could compute, and each client may do three things before it sends: scale the
# gradient of every record down to a length $C$ (*clipping*), add Gaussian noise of $\sigma C$
# to the sum (*noise multiplier* $\sigma$), and send the mean over a larger *batch*. The service may
# say less in its answers.
#
# The judge attacks what you choose, knowing your settings and the classes of the records. It
# searches for the records of one update, and it adds up three updates that a record has in
# common: training takes every record up again and again. What is typical of a class does not
# count here, nor what a guess would hit by chance; what is peculiar to a record does.

# %% tags=["dashboard"]
panels.protect_panel(lab, checkpoints=("shield", "service", "price"))

# %% [markdown] tags=["hands-on"]
# By hand, a protection is three numbers. The check lets the judge attack some twenty updates.

# %% tags=["hands-on", "answer"] answer="shield"
# starter
# settings = {"clip": 1.0, "noise_multiplier": 0.0, "batch_size": 4}  # your turn
# solution
settings = {
    name: case.scenario.settings[f"reference_{name}"] for name in ("clip", "noise_multiplier", "batch_size")
}

# %% tags=["hands-on"]
lab.note("shield", settings)
lab.check("shield", **settings)

# %% tags=["dashboard"]
lab.checkpoint("shield")

# %% [markdown] tags=["hands-on"]
# The other door is the service. Behind it works a desk that looks again at the least sure
# tenth of the answers. How little may the service say and still be of use to it?

# %% tags=["hands-on", "answer"] answer="service"
# starter
# level = "probabilities"  # your turn: one of labkit.defenses.privacy.LEVELS
# solution
level = "flag"

# %% tags=["hands-on"]
lab.note("service", {"level": level})
lab.check("service", level=level)

# %% tags=["dashboard"]
lab.checkpoint("service")

# %% [markdown]
# ## Pay the price
#
# A head is trained on six hundred updates protected as you chose, and measured on pictures
# that it has not seen. The price counts only when both protections hold.

# %% tags=["hands-on"]
lab.note("price", {**settings, "level": level})
feedback = lab.check("price", **settings, level=level)
panels.keep_protection(lab, settings, level)
feedback

# %% tags=["dashboard"]
lab.checkpoint("price")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# Your measurements, with the attacks, their parameters and the settings that you chose, go
# into your evidence pack, with the pictures that you reconstructed and every protection that
# you tried as files beside it.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * A model keeps what its classes have in common. Where a class is a person, that is a face.
# * A prior made of public pictures turned noise into likenesses, with the weights and without.
# * An update of one record is that record in another format, and company alone is no cover:
#   four are searched for, and of any number the one that comes back stands out. Noise hides
#   it, in units of what clipping allows, and company makes the noise affordable. None of the
#   three does both alone.
# * Saying less slows a search down. Only a limit on questions ends it. Say what the people
#   behind the service need, and no more.

# %% tags=["dashboard"]
lab.debrief()
