# %% [markdown]
# ## T1 · Classify, state what applies, enter a risk, decide
#
# One system, three places, one release. Read the case file before anything else; the brief says
# what each field means and which rules hold.

# %%
case = exam.materials("T1").facts
print(case["title"])
for sentence in case["case_file"]:
    print("-", sentence)

# %%
print("Release planned for", case["release_day"], "in", ", ".join(case["places"]))
for contract in case["contracts"]:
    print("Contract:", contract["jurisdiction"], contract["about"], "from", contract["since"])
for duty in case["duties"]:
    print("done" if duty["done"] else "open", duty["id"], "·", duty["text"])

# %%
for control in case["controls"]:
    print(control["id"], control["title"])
for line in (*case["risk"]["paragraphs"], "Funded:", *case["risk"]["funded"]):
    print(line)
print("Appetite:", case["risk"]["appetite"])

# %% [markdown]
# The rules can be asked. `System` takes the facts that you have read; `classify`, `duties_of` and
# `decide` say what follows from them, and `need_of` does so for a control.

# %%
from labkit.governance.obligations import System, classify

read = []  # facts out of case["facts"], such as "uses-at-work"
classify(System("own", case["title"], "", frozenset(read), tuple(case["places"])))

# %% tags=["answer-T1"]
answers = {
    # "facts_read": [...], "tier": "...", "roles": [...], "duties": [...],
    # "statement": [{"control": "...", "applies": "yes", "why": "applies"}, ...],
    # "release": [{"jurisdiction": "EU", "verdict": "go", "because": "nothing"}, ...],
    # "risk_likelihood": 3, "risk_impact": 3, "risk_owner": "...", "risk_treatment": "...",
    # "risk_residual": 1.0, "why_tier": 1, "why_excluded": 1, "why_residual": 1,
}
# solution
from labkit.exams.task import Variant, find_task, load_code

# The reference reads the sentences for you; exams/practitioner/tasks/T1/bots.py shows how.
answers = load_code(find_task("T1"), "bots").reference(exam.materials("T1"), Variant("", 0))
# end solution
exam.hand_in("T1", **answers)
