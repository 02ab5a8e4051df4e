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
# $$ -\log p_k(x(z)) + \lambda \lVert z \rVert^2 . $$
#
# Three classes are yours to draw. *Likeness* is the correlation with the average private
# record of the class, after the average public picture has been taken off both: what
# everybody knows does not count.

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


def draw(model, targets, prior, strength=0.01, steps=150):
    # starter
    # z = torch.zeros(len(targets), len(prior))
    # # your turn: lower the cross-entropy of model.forward(prior.decode(z)) for the targets
    # # plus strength times the squared length of z, in steps along its gradient
    # return prior.decode(z)
    # solution
    z = torch.zeros(len(targets), len(prior), requires_grad=True)
    optimiser = torch.optim.Adam([z], lr=0.1)
    for _ in range(steps):
        scores = model.forward(prior.decode(z))
        loss = torch.nn.functional.cross_entropy(scores, targets, reduction="sum")
        optimiser.zero_grad()
        (loss + strength * (z**2).sum()).backward()
        optimiser.step()
    return prior.decode(z.detach())


# %% tags=["hands-on"]
x_hat = draw(case.victim, case.y_target, case.prior)
lab.check("prototypes", x_hat=x_hat)

# %% tags=["dashboard"]
lab.checkpoint("prototypes")

# %% [markdown]
# Likeness is a number. Would anybody recognise them? A model of another kind, trained by
# somebody else on other pictures, is asked who it sees.

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
# `case.oracle()` is the service with a meter: it hands out answers, counts them, and refuses
# when the budget of all three targets is spent.

# %% tags=["hands-on", "answer"] answer="black-box"
from labkit.attacks.inversion import search_class

# starter
# asked = search_class(case.oracle(), case.y_target, prior=case.prior, query_budget=10, population=5)
# solution
asked = search_class(case.oracle(), case.y_target, prior=case.prior, query_budget=case.query_budget)

# %% tags=["hands-on"]
lab.check("black-box", x_hat=asked.x_hat, queries=asked.queries)

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
panels.gradient_panel(lab, checkpoint="gradient")

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
lab.check("gradient", x_hat=record, y=y)

# %% tags=["dashboard"]
lab.checkpoint("gradient")

# %% [markdown]
# ## Defend
#
# The federation redesigns. It now trains nothing but a linear *head* on features that
# anybody could compute, and each client may do three things before it sends: scale the
# gradient of every record down to a length $C$ (*clipping*), add Gaussian noise of $\sigma C$
# to the sum (*noise multiplier* $\sigma$), and send the mean over a larger *batch*. The service may
# say less in its answers.
#
# The judge attacks what you choose, knowing your settings and the classes of the records.
# What is typical of a class does not count here; what is peculiar to a record does.

# %% tags=["dashboard"]
panels.protect_panel(lab, checkpoints=("shield", "service", "price"))

# %% [markdown] tags=["hands-on"]
# By hand, a protection is three numbers. The check lets the judge attack five batches.

# %% tags=["hands-on", "answer"] answer="shield"
# starter
# settings = {"clip": 1.0, "noise_multiplier": 0.0, "batch_size": 4}  # your turn
# solution
settings = {
    name: case.scenario.settings[f"reference_{name}"] for name in ("clip", "noise_multiplier", "batch_size")
}

# %% tags=["hands-on"]
lab.check("shield", **settings)

# %% tags=["dashboard"]
lab.checkpoint("shield")

# %% [markdown] tags=["hands-on"]
# The other door is the service. How little may it say and still be of use?

# %% tags=["hands-on", "answer"] answer="service"
# starter
# level = "probabilities"  # your turn: one of labkit.defenses.privacy.LEVELS
# solution
level = "label"

# %% tags=["hands-on"]
lab.check("service", level=level)

# %% tags=["dashboard"]
lab.checkpoint("service")

# %% [markdown]
# ## Pay the price
#
# A head is trained on nothing but updates protected as you chose, and measured on pictures
# that it has not seen. The price counts only when both protections hold.

# %% tags=["hands-on"]
lab.check("price", **settings, level=level)

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
# into your evidence pack.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * A model keeps what its classes have in common. Where a class is a person, that is a face.
# * A prior made of public pictures turned noise into likenesses, with the weights and without.
# * An update of one record is that record in another format. Clipping, noise and company
#   protect it together, and none of them does so alone.
# * Saying less slows a search down. Only a limit on questions ends it.

# %% tags=["dashboard"]
lab.debrief()
