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

# %% tags=["answer-T2"]
answers = {
    # "threats": [{"element": "index", "category": "I", "technique": "AML.T0085", "note": "n01"}, ...],
    # "path": ["...", "..."], "path_cost": 12, "risk_before": 100,
    # "controls": [{"control": "pin"}, ...],
    # "why_generic": 1, "why_path": 1, "why_rest": 1,
}
# solution
from labkit.exams.task import Variant, find_task, load_code

# The reference reads the notes for you; exams/practitioner/tasks/T2/bots.py shows how.
answers = load_code(find_task("T2"), "bots").reference(exam.materials("T2"), Variant("", 0))
# end solution
exam.hand_in("T2", **answers)
