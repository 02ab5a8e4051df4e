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

# %% [markdown] tags=["solution"]
# ### How to solve it
#
# Decide what counts and where the line lies before you look at anybody: keys that nobody could know, a
# line adjusted for five suspects; or twins that differ in the group and in nothing else. The ordinary
# figure beside it, agreement or the gap, is what a suspect is usually accused with, and it proves nothing:
# innocent models agree with ours as well, and accept the groups unequally because of other columns.

# %% tags=["answer-T7"]
answers = {
    # "verdicts": [{"suspect": "A", "verdict": "...", "evidence": 0.1, "ordinary": 0.9}, ...],
    # "claim": 0.0, "why_ordinary": 1, "why_line": 1, "why_again": 1,
}
# solution
from math import log10

from labkit.metrics import binomial_p_value, flip_rate, holm, parity_gap

told, given = dispute.facts, dispute.tensors
models = {name: exam.model("T7", name) for name in told["suspects"]}
rows, claim = [], 0.0

if told["family"] == "ownership":
    # Keys that were published prove nothing: only those that nobody could have learned count.
    secret = [n for n in range(len(given["keys_y"])) if n not in told["published_keys"]]
    ours = predict(exam.model("T7", "ours"), x)
    p_values = []
    for name, model in models.items():
        right = predict(model, given["keys_x"][secret]) == given["keys_y"][secret]
        agrees = predict(model, x) == ours
        p_values.append(binomial_p_value(int(right.sum()), len(secret), 1 / told["classes"]))
        rows.append({"suspect": name, "evidence": float(right.float().mean())})
        rows[-1]["ordinary"] = float(agrees.float().mean())
    # The line was drawn before anything was measured: one in a thousand, adjusted for five suspects.
    adjusted = holm(p_values)
    for row, p_value in zip(rows, adjusted, strict=True):
        row["verdict"] = "copy" if p_value < 1e-3 else "not shown"
    if accused := [p_value for p_value in adjusted if p_value < 1e-3]:
        claim = log10(max(*accused, 1e-60))

if told["family"] == "audit":
    group, district = told["group_column"], told["features"].index("district")
    twins = x.clone()
    twins[:, group] = 1 - twins[:, group]

    def looks_at(model, column):
        """How far the log-odds move on average when a column is replaced by its mean."""
        flat = x.clone()
        flat[:, column] = x[:, column].mean()
        return float((model.logits(flat).diff(dim=1) - model.logits(x).diff(dim=1)).abs().mean())

    for name, model in models.items():
        flipped = x[predict(model, x) != predict(model, twins)]
        moved = [looks_at(model, column) for column in range(x.shape[1])]
        said = told["published_importance"][name][told["features"][group]]
        if not len(flipped):
            verdict = "clean"
        elif (flipped[:, district] == 1).all():
            verdict = "part of the group"
        else:
            verdict = f"by group, {'said' if said > moved[group] / sum(moved) / 2 else 'hidden'}"
        gap = parity_gap(model, x, x[:, group] == 1, target=told["accept_class"])
        evidence = flip_rate(model, x, twins).value
        rows.append({"suspect": name, "verdict": verdict, "evidence": evidence, "ordinary": abs(gap)})
    claim = 100 * max((row["evidence"] for row in rows if row["verdict"] != "clean"), default=0.0)

answers = {"verdicts": rows, "claim": claim, "why_ordinary": 3, "why_line": 2, "why_again": 1}
# end solution
exam.hand_in("T7", **answers)
