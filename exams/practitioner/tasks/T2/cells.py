# %% [markdown]
# ## T2 · Threat model, cheapest attack, ranked controls
#
# Every part has notes of the people who built it. Find those that leave something open; the rest is
# arithmetic that `labkit.governance.threatmodel` can do for you.

# %%
system = exam.materials("T2").facts
print(system["system"], "· an attacker wants to:", system["goal"])
for part in (*system["elements"], *system["flows"]):
    print(part["id"], "·", part.get("name") or f"{part['from']} → {part['to']}: {part['data']}")
    for note in part["notes"]:
        print("   ", note["id"], note["text"])

# %%
for step in system["steps"]:
    print(step["route"], step["kind"], f"{step['cost']:g}", step["id"], "·", step["title"])
for control in system["controls"]:
    print(control["cost"], control["id"], "·", control["title"], "·", ", ".join(control["helps_against"]))

# %% [markdown] tags=["solution"]
# ### How to solve it
#
# Ask of each note: what could somebody do because of this, and is that one of the steps in the list?
# A note that says what was seen to opens nothing, however alarming its subject. You would write a row
# for each of the few notes that stay; the table has them for all systems of the pool: the step that a
# note opens, the words that give it away, the letter of STRIDE, and the technique, where ATLAS names one.

# %% tags=["solution"]
GIVEN_AWAY = {
    "open-index": ("no person stands in between", "T", "AML.T0070"),
    "plain-upload": ("the sender types in any name", "T", "none"),
    "indirect-injection": ("in one string", "T", "AML.T0051.001"),
    "shared-retrieval": ("asked to leave them out", "I", "AML.T0085.000"),
    "broad-tools": ("was made for the administrator", "E", "AML.T0053"),
    "no-confirmation": ("in the same second as the call", "E", "AML.T0101"),
    "nameless-actions": ("was made by 'svc-assist'", "R", "none"),
    "untraced-assistant": ("only when a call has failed", "R", "none"),
    "secret-in-prompt": ("begins with the key of the tool", "I", "AML.T0056"),
    "unlimited-length": ("paste whole books", "D", "AML.T0034"),
    "shared-memory": ("whoever comes next", "T", "AML.T0080.000"),
    "rendered-answer": ("images from other sites included", "I", "AML.T0077"),
    "weak-login": ("the file number from the letterhead", "S", "AML.T0012"),
    "open-workstation": ("login that stays open", "S", "AML.T0012"),
    "chatty-scores": ("the full list of probabilities", "I", "AML.T0024.002"),
    "no-rate-limit": ("and all were served", "D", "AML.T0029"),
    "soft-model": ("Values go straight in", "T", "AML.T0015"),
    "open-registry": ("may overwrite what lies here", "T", "AML.T0018"),
    "pickled-models": ("Files end in .pkl", "E", "AML.T0011.000"),
    "unpinned-base": ("takes whatever is newest", "S", "AML.T0010.003"),
    "open-build": ("The job is root on its host", "E", "AML.T0010.001"),
    "no-lineage": ("looked for two weeks and gave up", "R", "none"),
    "bought-labels": ("is loaded the same night", "T", "AML.T0020"),
    "names-in-data": ("first name, family name, day of birth", "I", "AML.T0024.000"),
    "shared-password": ("'Autumn2021' opens them", "I", "AML.T0055"),
    "plain-extract": ("on a memory stick", "I", "AML.T0025"),
    "rewritable-log": ("tidies up when the disk runs full", "T", "none"),
}
left_open = {}
for part in (*system["elements"], *system["flows"]):
    for note in part["notes"]:
        for step, (words, letter, technique) in GIVEN_AWAY.items():
            if words in note["text"]:
                row = {"element": part["id"], "category": letter, "technique": technique, "note": note["id"]}
                left_open[step] = row
print(list(left_open))

# %% [markdown] tags=["solution"]
# An attacker takes what is open, so the cheapest attack is the cheapest pair of open steps on one
# route. The board pays twice, so the order counts: either begin with what is best for half the money and
# go on from there, or take what is best for all of it and begin with its best half. Try both orders
# and keep the one that leaves less.

# %% tags=["solution"]
from itertools import accumulate

from labkit.governance.threatmodel import Control, Risk, best_controls, residual

possible = [step for step in system["steps"] if step["id"] in left_open or not step["at"]]
attacks = []
for route in system["routes"]:
    on_route = [step for step in possible if step["route"] == route]
    pair = []
    for kind in ("entry", "impact"):
        pair.append(min((step for step in on_route if step["kind"] == kind), key=lambda step: step["cost"]))
    attacks.append((sum(step["cost"] for step in pair), [step["id"] for step in pair]))
path_cost, path = min(attacks)

risks = [Risk(name, **system["ratings"][name]) for name in left_open]
controls = [Control(c["id"], c["title"], c["cost"], tuple(c["helps_against"])) for c in system["controls"]]
price = {each.id: each.cost for each in controls}
half, whole = system["first_half"], system["budget"]


def left(order):
    """Return the risk left after either half of the money, when the list is bought from the top."""
    spent = list(accumulate(price[name] for name in order))
    bought = [order[: sum(cost <= money for cost in spent)] for money in (half, whole)]
    return sum(residual(risks, controls, each) for each in bought)


def go_on(order):
    """Add what takes away most for its price until the money is spent."""

    def worth(name):
        return (residual(risks, controls, order) - residual(risks, controls, [*order, name])) / price[name]

    money = whole - sum(price[name] for name in order)
    rest = [name for name in price if name not in order and price[name] <= money and worth(name) > 0]
    return go_on([*order, max(rest, key=worth)]) if rest else order


best_half = best_controls(risks, controls, half).controls
best_whole = best_controls(risks, controls, whole).controls
first = best_controls(risks, [each for each in controls if each.id in best_whole], half).controls
orders = [go_on(list(best_half)), [*first, *(name for name in best_whole if name not in first)]]
print(path, path_cost, [left(order) for order in orders])

# %% tags=["answer-T2"]
answers = {
    # "threats": [{"element": "index", "category": "I", "technique": "AML.T0085", "note": "n01"}, ...],
    # "path": ["...", "..."], "path_cost": 12, "risk_before": 100,
    # "controls": [{"control": "pin"}, ...],
    # "why_generic": 1, "why_path": 1, "why_rest": 1,
}
# solution
answers = {
    "threats": list(left_open.values()),
    "path": path,
    "path_cost": path_cost,
    "risk_before": sum(risk.score for risk in risks),
    "controls": [{"control": name} for name in min(orders, key=left)],
    # A threat rests on a fact; a path says where to watch; what is left is put before its owner.
    "why_generic": 2,
    "why_path": 1,
    "why_rest": 3,
}
# end solution
exam.hand_in("T2", **answers)
