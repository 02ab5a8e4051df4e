# %% [markdown]
# ## T6 · Find the poison and clean the model
#
# Look at the delivery before you ask a detector: what does a class have that its trusted samples
# have not? `x_check` is for measuring, and for nothing else.

# %%
from labkit.exams.issued import load_model
from labkit.metrics import clean_accuracy

t6 = exam.materials("T6")
x, y = t6.tensors["x"], t6.tensors["y"]
x_check, y_check = t6.tensors["x_check"], t6.tensors["y_check"]
victim = load_model(t6, "victim")
print(
    f"delivered: {len(x)}, the victim reads {clean_accuracy(victim, x_check, y_check).value:.3f} of x_check"
)

# %%
for label in range(10):
    mean = x[y == label].mean(0)[0] - t6.tensors["x_trusted"].mean(0)[0]
    print(label, "samples", int((y == label).sum()), "| brightest against all trusted", f"{mean.max():.2f}")

# %% [markdown] tags=["solution"]
# ### How to solve it
#
# Form a suspicion and test it, from the crudest to the finest. A patch is a bright square where trusted
# samples have none, and next to one label only. A faint pattern brightens the paper, where nothing is
# ever written. If neither is there, labels were turned: let readers that learned from trusted samples,
# and then from samples on whose labels they agree, name the pair of classes that they dispute most.
#
# Whether a patch came with right or wrong labels shows under the patch: see whom the samples
# resemble when its pixels are left out. Then train anew without the suspects, and measure before and
# after on `x_check`, from which nothing has learned.

# %% tags=["answer-T6"]
findings = {
    # "indices": ..., "kind": "turned labels", "y_target": 0, "cleaned": model.module.state_dict(),
    # "accuracy_before": 0.0, "cleaned_accuracy": 0.0,
    # "why_order": 1, "why_labels": 1, "why_evidence": 1,
}
# solution
import torch
from torch.nn import functional

from labkit.core.protocols import predict
from labkit.models import build, train

x_trusted, y_trusted = t6.tensors["x_trusted"], t6.tensors["y_trusted"]


def fit(x, y, *, seed, epochs=25):
    """Train a network of the victim's architecture."""
    return train(build("mlp", (1, 8, 8), 10, seed=seed), x, y, epochs=epochs, lr=0.01, seed=seed)


def bright_squares(inputs):
    """Return who is bright all over each square of two by two pixels at the left and right edge."""
    darkest = -functional.max_pool2d(-inputs, 2, stride=1)[:, 0]
    return (darkest[:, :, [0, 1, -2, -1]] > 0.55).flatten(1).T


def by_patch():
    """Look for a square that next to one label only wears, and that trusted samples do not."""
    most, wearers, label = 18.0, None, 0
    for wearing, usual in zip(bright_squares(x), bright_squares(x_trusted), strict=True):
        if not wearing.any():
            continue
        worn = int(y[wearing].mode().values)
        own, others = wearing & (y == worn), wearing & (y != worn)
        strokes = float(usual[y_trusted == worn].double().mean()) * int((y == worn).sum())
        surprise = int(own.sum()) - 2 * int(others.sum()) - strokes
        if surprise > most:
            most, wearers, label = surprise, own.nonzero().flatten(), worn
    if wearers is None:
        return None
    # Whom do they resemble beside the patch? Right labels have neighbours of their own class.
    patch = (x[wearers].quantile(0.1, dim=0) > 0.5) & (x_trusted.quantile(0.8, dim=0) < 0.5)
    distance = torch.cdist(x[wearers][:, ~patch], x_trusted[:, ~patch])
    neighbours = y_trusted[distance.topk(3, largest=False).indices]
    right = float((neighbours == label).double().mean()) > 0.2
    return wearers, f"patch with {'right' if right else 'wrong'} labels", label


def by_paper():
    """Look for samples whose paper is brighter than paper is, and for whoever wears what they share."""
    paper = x_trusted.flatten(1).quantile(0.9, dim=0) < 0.2
    ink, usual = x.flatten(1)[:, paper], x_trusted.flatten(1)[:, paper].mean(1)
    bright = ink.mean(1) > float(usual.mean() + 3 * usual.std())
    if int(bright.sum()) < 12:
        return None
    label = int(y[bright].mode().values)
    pattern = ink[bright & (y == label)].mean(0) - ink[~bright].mean(0)
    wearing = (ink - ink[~bright].mean(0)) @ pattern / pattern.square().sum() > 0.5
    suspects = (wearing & (y == label)).nonzero().flatten()
    if len(suspects) < 12 or float((y[wearing] == label).double().mean()) < 0.7:
        return None
    return suspects, "faint pattern with wrong labels", label


def by_label():
    """Name the pair of classes over which labels and readers without poison differ most often."""
    known_x, known_y = x_trusted, y_trusted
    for number in range(4):
        readers = [fit(known_x, known_y, seed=10 * number + k) for k in range(5)]
        seen = torch.stack([reader.logits(x).softmax(1) for reader in readers]).mean(0)
        agreed = seen.gather(1, y[:, None]).squeeze(1) > 0.7
        known_x, known_y = torch.cat([x_trusted, x[agreed]]), torch.cat([y_trusted, y[agreed]])
    read_as = seen.argmax(1)
    pairs = torch.zeros(10, 10).index_put_((read_as, y), torch.ones(len(y)), accumulate=True)
    source, label = divmod(int(pairs.fill_diagonal_(0).argmax()), 10)
    return ((read_as == source) & (y == label)).nonzero().flatten(), "turned labels", label


suspects, done, label = by_patch() or by_paper() or by_label()
keep = torch.ones(len(x), dtype=torch.bool)
keep[suspects] = False
cleaned = fit(torch.cat([x[keep], x_trusted]), torch.cat([y[keep], y_trusted]), seed=7, epochs=30)

findings = {
    "indices": suspects,
    "kind": done,
    "y_target": label,
    "cleaned": cleaned.module.state_dict(),
    "accuracy_before": float((predict(victim, x_check) == y_check).double().mean()),
    "cleaned_accuracy": float((predict(cleaned, x_check) == y_check).double().mean()),
    # Keep apart, suspect, test, measure; right labels may wear a mark; sign what was tested.
    "why_order": 3,
    "why_labels": 2,
    "why_evidence": 4,
}
# end solution
exam.hand_in("T6", **findings)
