# %% [markdown]
# ## T7 · Accuse with figures, or do not accuse
#
# Five models lie before you. Which dispute it is stands in the facts; the brief says what is asked
# for in either of them.

# %%
dispute = exam.materials("T7")
print(dispute.facts["family"], dispute.facts["verdicts"], sorted(dispute.facts))
for name, tensor in sorted(dispute.tensors.items()):
    if "/" not in name:
        print(name, tuple(tensor.shape))

# %%
from labkit.core.protocols import predict

x = dispute.tensors["ordinary_x" if dispute.facts["family"] == "ownership" else "files_x"]
for name in dispute.facts["suspects"]:
    print(name, predict(exam.model("T7", name), x)[:20].tolist())

# %% tags=["answer-T7"]
answers = {
    # "verdicts": [{"suspect": "A", "verdict": "...", "evidence": 0.1, "ordinary": 0.9}, ...],
    # "claim": 0.0, "why_ordinary": 1, "why_line": 1, "why_again": 1,
}
# solution
from labkit.exams.task import Variant, find_task, load_code

# How the reference measures stands in exams/practitioner/tasks/T7/bots.py.
answers = load_code(find_task("T7"), "bots").reference(dispute, Variant("", 0))
# end solution
exam.hand_in("T7", **answers)
