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
print("Today", case["today"], "· release planned for", case["release_day"], "in", ", ".join(case["places"]))
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

# %% [markdown] tags=["solution"]
# ### How to solve it
#
# Read with a pencil: underline the words that state a fact, and write the fact beside them. You would
# do that for the four sentences that lie before you; here it stands for every case file of the pool,
# so that the solution holds whichever was drawn. Weights, cellars and consultants state nothing. Nor
# does a sentence that says what the system does *not* do: it is there to keep you from a fact.

# %% tags=["solution"]
UNDERLINED = {
    # what it is for
    "how likely a private person is to pay": "credit-scoring",
    "recruiters invite from the top": "employment-decision",
    "a report ends the attempt": "education-assessment",
    "every new policy on a person's life": "insurance-pricing",
    "reads from the driver's face": "emotion-inference-at-work",
    "for the safety of the road": "medical-or-safety-purpose",
    "hears from the voice of Halden's own agents": "emotion-inference-at-work",
    "keep the town's gas network within safe pressure": "infrastructure-safety",
    "of Annex I": "annex-i-product",
    "Section B of Annex I": "annex-i-section-b",
    "a notified body has to assess it": "third-party-assessment",
    "the assessment of a third party": "third-party-assessment",
    "assessment by a third party": "third-party-assessment",
    "somebody waits a minute longer": "convenience-function",
    "write to a concierge": "talks-to-people",
    "a language model makes up on the spot": "generates-content",
    "orders taxis and meals by itself": "agentic",
    "makes clips": "generates-content",
    "seems to say whatever": "deep-fake",
    "by age and sex, read off their faces": "biometric-categorisation",
    "turns it into points": "social-scoring",
    "finds the pairs": "narrow-task",
    "face and card belong together": "one-to-one-verification",
    "looks for fraud and for nothing else": "fraud-detection",
    # who made it, and who has it
    "Halden's own developers wrote every line": "builds-under-own-name",
    "was written at Halden": "builds-under-own-name",
    "Halden wrote it around": "builds-under-own-name",
    "that it rents from": "bought-in",
    "came ready-made from": "bought-in",
    "was bought from": "bought-in",
    "then trained it anew": "modifies-substantially",
    "its own name on the box": "bought-in rebrands offered-to-customers",
    "in Osaka makes it": "bought-in maker-outside-eu",
    "before Halden brought it in": "imports-from-outside-eu",
    "sells it on to others": "offered-to-customers",
    "into its catalogue as it is": "bought-in resells-unchanged offered-to-customers",
    "has sold it in the Union for years": "on-the-market-before-2026-08-02",
    "have bought licences": "offered-to-customers",
    "staff work with it": "uses-at-work",
    "staff simply work with it": "uses-at-work",
    "only Halden's staff run it": "uses-at-work",
    # what it works on, and how it goes on
    "people who can be named": "personal-data",
    "is Halden's own decision": "decides-purposes",
    "builds a picture of each": "profiles-people",
    "the numbers of their payment cards": "card-data",
    "what doctors have written": "health-data",
    "Halden is a covered entity under HIPAA": "covered-entity e-phi",
    "whose design differs clearly": "significant-changes",
}
memo = " ".join(case["case_file"])
read = sorted({fact for words, facts in UNDERLINED.items() if words in memo for fact in facts.split()})
print(read)

# %% [markdown] tags=["solution"]
# The rest follows by rule, so ask the rules and do not remember them. Contracts belong to the system as
# well: what is voluntary binds from them on. What is not in the list of duties is fulfilled, so only
# the open ones of the list can stop a release.

# %% tags=["solution"]
from datetime import date

from labkit.governance.controls import need_of
from labkit.governance.obligations import Contract, decide, duties_of, obligations, on_release

contracts = [
    Contract(c["jurisdiction"], c["about"], date.fromisoformat(c["since"])) for c in case["contracts"]
]
system = System("own", case["title"], "", frozenset(read), tuple(case["places"]), tuple(contracts))
day = date.fromisoformat(case["release_day"])

reached = [on_release(duty, system, day) for duty in duties_of(system)]
binding = {duty.obligation.id for duty in reached if duty and duty.binding}
still_open = {duty["id"] for duty in case["duties"] if not duty["done"]}
fulfilled = {each.id for each in obligations()} - still_open

release = []
for place, decision in decide(system, day, fulfilled).items():
    causes = [duty.obligation.id for duty in decision.blocking or decision.conditions]
    named = [name for name in causes if name in case["duty_ids"]]
    release.append({"jurisdiction": place, "verdict": decision.verdict, "because": [*named, "nothing"][0]})

statement = []
for control in case["control_ids"]:
    need = need_of(control, read)
    applies, why = ("yes", "applies") if need.needed else ("no", need.reason)
    statement.append({"control": control, "applies": applies, "why": why})
print(release)

# %% [markdown] tags=["solution"]
# The risk is rated before any measure, by holding each sentence against the issued scale. A measure
# counts only when it is funded and acts on the event: a poster does not. The owner is whoever can
# spend money on the cause, which rules out the data protection officer; the treatment is arithmetic.

# %% tags=["solution"]
LIKELIHOOD = {
    2: ("a key that two people hold", "rights that few have"),
    3: ("Two other firms", "reported from others"),
    4: ("a known way to go", "every other month"),
    5: ("at it this week", "going on now"),
}
IMPACT = {
    2: ("a team the afternoon", "A few hours of work"),
    3: ("management would have to hear", "a report to the board"),
    4: ("the authority would have to be told", "has to be notified"),
    5: ("the end of the service", "would not survive it"),
}
OWNER = {
    "ML engineering lead": ("what the model learns from", "the model does not, and its answers go wrong"),
    "operations lead": ("until the service answers nobody",),
    "security lead": ("stolen password", "copies the model by asking"),
    "product owner": ("that they were never meant for",),
}
ACTS_ON_NOTHING = ("a poster", "fire extinguishers", "paper archive", "the badges", "a film")
told = " ".join(case["risk"]["paragraphs"])


def said(table):
    """Return what the paragraphs say, by the words of a table."""
    return next(answer for answer, words in table.items() if any(each in told for each in words))


likelihood, impact, appetite = said(LIKELIHOOD), said(IMPACT), case["risk"]["appetite"]
acting = [each for each in case["risk"]["funded"] if not any(words in each for words in ACTS_ON_NOTHING)]
residual_risk = round(likelihood * impact * 0.2 ** len(acting), 1)
treatments = {
    "accept": likelihood * impact <= appetite,
    "mitigate": residual_risk <= appetite,
    "transfer": "an insurer bears the loss" in told,
    "avoid": True,
}
treatment = next(name for name, holds in treatments.items() if holds)
print(likelihood, "x", impact, said(OWNER), treatment, residual_risk)

# %% tags=["answer-T1"]
answers = {
    # "facts_read": [...], "tier": "...", "roles": [...], "duties": [...],
    # "statement": [{"control": "...", "applies": "yes", "why": "applies"}, ...],
    # "release": [{"jurisdiction": "EU", "verdict": "go", "because": "nothing"}, ...],
    # "risk_likelihood": 3, "risk_impact": 3, "risk_owner": "...", "risk_treatment": "...",
    # "risk_residual": 1.0, "why_tier": 1, "why_excluded": 1, "why_residual": 1,
}
# solution
answers = {
    "facts_read": read,
    "tier": classify(system).tier,
    "roles": list(classify(system).roles),
    "duties": [name for name in case["duty_ids"] if name in binding],
    "statement": statement,
    "release": release,
    "risk_likelihood": likelihood,
    "risk_impact": impact,
    "risk_owner": said(OWNER),
    "risk_treatment": treatment,
    "risk_residual": residual_risk,
    # By use and exceptions; nothing there to act on; it stays, with an owner.
    "why_tier": 2,
    "why_excluded": 3,
    "why_residual": 1,
}
# end solution
exam.hand_in("T1", **answers)
