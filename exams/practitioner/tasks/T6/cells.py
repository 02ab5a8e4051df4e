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

# %% tags=["answer-T6"]
findings = {
    # "indices": ..., "kind": "turned labels", "y_target": 0, "cleaned": model.module.state_dict(),
    # "accuracy_before": 0.0, "cleaned_accuracy": 0.0,
    # "why_order": 1, "why_labels": 1, "why_evidence": 1,
}
# solution
from labkit.exams.task import Variant, find_task, load_code

# Marks are looked for first, disputed labels after; tasks/T6/bots.py shows how.
findings = load_code(find_task("T6"), "bots").reference(t6, Variant("", 0))
# end solution
exam.hand_in("T6", **findings)
