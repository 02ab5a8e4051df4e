# %% [markdown]
# # Governance and cross-border release
#
# Six systems, three markets, one release. In the next forty-five minutes you say what each
# system is before the law, what has to be done by when, which framework helps with it and
# which is none of your choice, and whether the release may go out.
#
# Every fact here was read on 23 November 2026 and says from where. This is teaching
# material and no legal advice.

# %%
import labkit

lab = labkit.open_lab("L17")
lab.header()

# %% [markdown]
# ## Recall
#
# Three questions about earlier labs, before any new text.

# %% tags=["dashboard"]
lab.recall()

# %% [markdown]
# ## Predict
#
# Commit yourself before you open a single card. People who work with AI law expect far more
# high-risk systems than there are, and people who build AI expect fewer.

# %% tags=["dashboard"]
lab.predict("high-risk")

# %% tags=["dashboard"]
lab.predict("ahead")

# %% tags=["dashboard"]
lab.predict("blocked")

# %% [markdown]
# ## Attack the labels: classify six systems
#
# Makers give their systems friendly names. Read past them. The AI Act sorts by use: some
# practices are banned (Article 5), some products and uses are high-risk (Article 6 with
# Annexes I and III), some must be open about what they are (Article 50), and most are none
# of these. Then it asks whose name is on the system: that decides who has to do what.

# %% tags=["dashboard"]
from labkit.ui import governance as panels

panels.classification_panel(lab, checkpoint="classify")

# %% [markdown] tags=["hands-on"]
# Each card states its facts in prose and in the vocabulary of the rules. A rule gives a
# tier or a role when all facts in `when` hold and none in `unless` does, and cites what it
# rests on.

# %% tags=["hands-on"]
from labkit.governance.obligations import ROLES, TIERS, classify, rules

case = lab.case
for system in case.systems:
    print(system.title, "-", ", ".join(sorted(system.facts)))

# %% tags=["hands-on"]
rule = next(rule for rule in rules() if rule.id == "annex-iii-credit")
rule.when, rule.unless, rule.gives, rule.standard

# %% [markdown] tags=["hands-on"]
# Write the classification yourself: apply the rules to the facts, and take the heaviest
# tier and the heaviest role. One trap is in it: a narrow task is a way out of Annex III
# (Art. 6(3)), unless the system profiles people.


# %% tags=["hands-on", "answer"] answer="classify"
def tier_and_role(system):
    # starter
    # # your turn: which rules apply to system.facts, and what do they give?
    # return "high-risk-annex-iii", "provider"
    # solution
    facts = set(system.facts) - ({"narrow-task"} if "profiles-people" in system else set())
    given = {rule.gives for rule in rules() if rule.when <= facts and not rule.unless & facts}
    tier = next((tier for tier in TIERS if tier in given), "minimal")
    return tier, next(role for role in ROLES if role in given)


# %% tags=["hands-on"]
classification = {system.id: tier_and_role(system) for system in case.systems}
lab.check("classify", classification=classification)

# %% tags=["dashboard"]
lab.checkpoint("classify")

# %% [markdown] tags=["hands-on"]
# The library's own `classify` also reports near misses: rules that one fact kept from
# applying. They are the sentences to have ready when somebody disagrees.

# %% tags=["hands-on"]
for system in case.systems:
    for finding in classify(system).near:
        print(f"{system.title}: {finding}")

# %% [markdown]
# ## What applies, and from when
#
# An obligation is a fact with a date: who, for which systems, where, from which day, and
# where it was read. Nobody chooses it. The map below shows what falls on the system that is
# to be released, and what of it holds today. Change the place, the role, the use, or any
# fact, and see which duties come and go; or tick what holds for a system of your own. Facts
# that are general knowledge only, or of a disputed date, say so, and no check asks for them.

# %% tags=["dashboard"]
panels.obligation_panel(lab)

# %% [markdown] tags=["hands-on"]
# The same as a list. What was in force before the tables begin to count has no day.

# %% tags=["hands-on"]
for duty in case.duties:
    print(duty.applies_from or "in force  ", duty.obligation.jurisdiction, duty.obligation.title)

# %% [markdown]
# ## Choose a framework
#
# What one may choose is help: a list of outcomes, a management system, a list of security
# controls. Which of them fits depends on the organisation. Three things get mixed up all
# the time: a law, a certificate, and good advice.

# %% tags=["dashboard"]
panels.framework_panel(lab, checkpoint="framework")

# %% [markdown] tags=["hands-on"]
# The organisation that asks for advice, and the facts about it that bring duties:

# %% tags=["hands-on"]
from labkit.governance.controls import duties, rank

case.context.values, sorted(case.context.facts)

# %% [markdown] tags=["hands-on"]
# `rank` adds up declared points, each with its reason; `decisive` names the factors that
# speak for a framework with two points or more. Hand in the best fit, those factors, and
# the laws and contracts that bind this organisation whatever it chooses.

# %% tags=["hands-on", "answer"] answer="framework"
# starter
# framework, reasons, bound = "iso-42001", ["size"], []
# solution
best = rank(case.context)[0]
framework, reasons = best.framework.id, list(best.decisive)
bound = [each.id for each in duties(case.context)]

# %% tags=["hands-on"]
lab.check("framework", framework=framework, reasons=reasons, duties=bound)

# %% tags=["dashboard"]
lab.checkpoint("framework")

# %% [markdown]
# ## Defend: one control, many lists
#
# The same work can be asked for by five lists. A crosswalk says which entries help with the
# same theme. It does not say that they are equal, and meeting one never proves another. For
# ten controls, find the counterpart in ISO/IEC 42001, and the document that shows it.

# %% tags=["dashboard"]
panels.crosswalk_panel(lab, checkpoint="crosswalk")

# %% tags=["hands-on"]
from labkit.governance.controls import documents, related

first = case.pairings[0]
first.control, first.title, first.options, first.evidence

# %% [markdown] tags=["hands-on"]
# `related(source, control, "iso_42001")` lists what shares a theme with a control;
# `documents()` says which controls each document shows.

# %% tags=["hands-on", "answer"] answer="crosswalk"
shows = {document.id: document.controls for document in documents()}


def pair(each):
    # starter
    # return each.options[0], each.evidence[0]  # your turn: options that fit, evidence that shows
    # solution
    fitting = related(each.source, each.control, "iso_42001")
    control = next(option for option in each.options if option in fitting)
    return control, next(name for name in each.evidence if control in shows[name])


# %% tags=["hands-on"]
lab.check("crosswalk", crosswalk={each.id: pair(each) for each in case.pairings})

# %% tags=["dashboard"]
lab.checkpoint("crosswalk")

# %% [markdown]
# ## State what applies
#
# A statement of applicability answers for every control: does it apply to this system, why,
# is it done, and what shows it. Look for orphans in both directions: a control that nothing
# shows, and a document that no control refers to.

# %% tags=["dashboard"]
panels.applicability_panel(lab, checkpoint="statement")

# %% [markdown] tags=["hands-on"]
# The register holds the evidence that there is. `need_of(control, facts)` says whether a
# system with these facts needs a control, and which reason would excuse it.

# %% tags=["hands-on"]
from labkit.governance.controls import need_of

{document.id: document.title for document in case.register}


# %% tags=["hands-on", "answer"] answer="statement"
def line(control):
    # starter
    # return {"applicable": True, "status": "in place"}  # your turn: reason, evidence, or a plan
    # solution
    need = need_of(control, case.flagship.system.facts)
    shown = [each.id for each in case.register if control in each.controls]
    if not need.needed:
        return {"applicable": False, "reason": need.reason}
    if shown:
        return {"applicable": True, "status": "in place", "evidence": shown}
    return {"applicable": True, "status": "planned", "due": "2027-03-31"}


# %% tags=["hands-on"]
lab.check("statement", statement={control: line(control) for control in case.controls})

# %% tags=["dashboard"]
lab.checkpoint("statement")

# %% [markdown]
# The statement, seen through the crosswalk: for every theme and every list, with how many of
# its entries does help what you have in place? Look for rows that are cold in every list, and
# for lists that are cold in every row.

# %% tags=["dashboard"]
panels.gap_panel(lab)

# %% [markdown]
# ## Pay the price: decide about the release
#
# A no costs money today, and a wrong yes costs more tomorrow. For each of three
# jurisdictions: go, go with dated conditions, or no-go. A binding duty that is in force on
# the day and not met blocks. One that begins later is a condition with its day. Advice never
# blocks, unless a contract has made it a promise. What is no duty of yours is none.

# %% tags=["dashboard"]
panels.release_panel(lab, checkpoint="release")

# %% [markdown] tags=["hands-on"]
# `decide` takes a system, a day, what is met, and the places. Each of its decisions has a
# verdict, and says what blocks, what is a condition from which day, and what is advice. A
# system carries its contracts: card rules bind from the day on which cards are taken, and a
# voluntary framework binds once it was promised to somebody.

# %% tags=["hands-on"]
from labkit.governance.obligations import decide

print(case.release_day, *case.flagship.system.contracts, sep="\n")
[(item.id, item.jurisdiction) for item in case.items]

# %% tags=["hands-on", "answer"] answer="release"
# starter
# verdicts = {place: "no-go" for place in case.jurisdictions}
# judgements = {item.id: "blocks" for item in case.items}
# solution
decisions = decide(case.flagship.system, case.release_day, case.met, case.jurisdictions)
verdicts = {place: decision.verdict for place, decision in decisions.items()}
found = {item.id: "no duty" for item in case.items}
for decision in decisions.values():
    found |= {duty.obligation.id: "blocks" for duty in decision.blocking}
    found |= {duty.obligation.id: ("condition", str(duty.applies_from)) for duty in decision.conditions}
    found |= {duty.obligation.id: "voluntary" for duty in decision.recommended}
judgements = {item.id: found[item.id] for item in case.items}

# %% tags=["hands-on"]
lab.check("release", verdicts=verdicts, judgements=judgements)

# %% tags=["dashboard"]
lab.checkpoint("release")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## The governance quiz
#
# More than two hundred items over every list that comes along, each with a reason for every
# option and the place where it was read. The test before belongs to the beginning of the
# course and the test after to its end: they are made of twins, so the difference is what you
# gained. In between, practise five minutes a day; what you miss comes back before you would
# forget it. In a terminal the same is `labkit quiz` and `labkit review`.

# %% tags=["dashboard"]
from labkit.ui.quizzes import quiz_panel

quiz_panel(lab)

# %% [markdown]
# ## Evidence
#
# Your statement of applicability and the map of obligations go into your evidence pack, as
# JSON and as tables that a spreadsheet opens.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * The use decided, not the technology and not the name on the brochure.
# * A law applies, a framework is chosen, a certificate shows that work is organised.
# * Every legal fact has a date. `labkit standards --lint` says which have grown old, and
#   what changes next.

# %% tags=["dashboard"]
lab.debrief()
