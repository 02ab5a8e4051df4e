# %% [markdown]
# # Extraction, watermark and fingerprint
#
# Whoever sells answers sells a little of the model with each of them. In this lab you copy
# two services by asking: one exactly, one well enough. Then you change sides, and guard one of
# them so that thieves stay poor and customers are served. At the end six models are on the
# market, and you say which of them were stolen from you, with evidence.

# %%
import labkit

lab = labkit.open_lab("L07")
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
lab.predict("fifty")

# %% tags=["dashboard"]
lab.predict("marks")

# %% [markdown]
# ## Attack: solve
#
# The loan score is linear: $s(x) = w^\top x + b$, with ten entries in $x$. Each answer is one
# equation in the eleven unknowns $w$ and $b$, and eleven independent equations have one solution.
# An application in which everything is 0 answers with $b$; one step along an entry adds
# its weight. In a logistic regression the same holds for logarithms of ratios of probabilities,
#
# $$ \log p_k(x) - \log p_0(x) = (w_k - w_0)^\top x + (b_k - b_0) . $$
#
# Then see what rounding does: it turns equations into rough ones, and more of them average it out.

# %% tags=["dashboard"]
from labkit.ui import extraction as panels

panels.equations_panel(lab)

# %% [markdown] tags=["hands-on"]
# By hand: `case.score_oracle()` is the service with the judge's meter. It sells as many answers
# as there are unknowns, and a hand-in opens a new account.

# %% tags=["hands-on"]
case = lab.case
case.score.input_shape, case.score_oracle().left

# %% tags=["hands-on", "answer"] answer="exact"
from labkit.attacks.extraction import probe_inputs, solve_linear

# starter
# x = probe_inputs(case.score)[:5]  # your turn: how many equations does it take?
# solution
x = probe_inputs(case.score)
solved = solve_linear(case.score_oracle(), x)

# %% tags=["hands-on"]
lab.check("exact", weights=solved.weights, bias=solved.bias)

# %% tags=["dashboard"]
lab.checkpoint("exact")

# %% [markdown]
# ## Attack: imitate
#
# A network is not solved for. It is imitated: ask, train a copy on the answers, ask where the
# copy knows least. *Fidelity* is the share of new inputs on which the copy reads what the original
# reads, right or wrong. You have fifty scans; every further question has to be made.
#
# A model that somebody trained honestly on other digits agrees with the reader on about 90 %. What lies
# above that comes from the answers.

# %% tags=["dashboard"]
panels.theft_panel(lab)

# %% [markdown] tags=["hands-on"]
# By hand: `case.oracle()` is the reader with its meter, `case.pool` are your scans.

# %% tags=["hands-on", "answer"] answer="steal"
from labkit.attacks.extraction import imitate

# starter
# stolen = imitate(case.oracle(), case.pool, query_budget=100, strategy="random")  # your turn
# solution
stolen = imitate(case.oracle(), case.pool, query_budget=case.query_budget, strategy="jacobian")

# %% [markdown] tags=["hands-on"]
# What is handed in is data: the name of a network and its weights.

# %% tags=["hands-on"]
lab.note("steal", stolen.params)
lab.check("steal", **stolen.parts())

# %% tags=["dashboard"]
lab.checkpoint("steal")

# %% [markdown]
# ## Defend
#
# Now the reader is yours. You may say less, disturb what you say beside the class, limit what an
# account asks in a day, and watch what it asks. A detector compares an account's questions with
# last month's customers: how far each question lies from the nearest earlier one of the same
# answer, or how unsure the model is of it. The false-alarm rate is a promise about honest accounts.
# An account under suspicion is not shut out. It is held to thirty questions until somebody looks.
#
# The judge sends five thieves, with one account or four, and the strongest counts. It also sends a day of
# customers whom you have not seen, and more than 1 % of their questions must not be refused.

# %% tags=["dashboard"]
panels.guard_panel(lab)

# %% [markdown] tags=["hands-on"]
# By hand, a guard is five settings, of which you name those that differ from none. Try one on last
# month's customers before you hand it in.

# %% tags=["hands-on", "answer"] answer="shield"
from labkit.course.cases.extraction.guarding import Guard, serve

# starter
# guard = Guard(level="tenths", rate_limit=100)  # your turn
# solution
guard = Guard(level="flag", rate_limit=100, detector="both", false_alarm_rate=0.005)
served = serve(case, guard, case.customers)
served.throttled.value, served.suspected.value

# %% tags=["hands-on"]
lab.check("shield", **guard.settings())

# %% tags=["dashboard"]
lab.checkpoint("shield")

# %% [markdown]
# ## Pay the price
#
# Customers pay with questions that are refused, and with mistakes that their desk can no longer
# find: it looks again at the least sure tenth of the answers, and where all are equally sure it draws
# lots. The price is the share of right answers that is lost.

# %% tags=["hands-on"]
feedback = lab.check("price", **guard.settings())
panels.keep_guard(lab, guard.settings())
feedback

# %% tags=["dashboard"]
lab.checkpoint("price")

# %% [markdown]
# ## The dispute
#
# Another of Meridian's models, last year's, was sold for a while. Six services on the market read
# digits about as well. Some hold a copy of its weights, fine-tuned or pruned; some were trained on its
# answers; some are honest. Each answers with a class and nothing else.
#
# A *watermark* was put into the model: thirty keys of noise with random answers. A *fingerprint* is
# looked for afterwards: inputs that your model misreads in one way, that copies of it misread the same way,
# and that strangers read otherwise. If a stranger gives your answer to a key with probability $q$, then
# $m$ matches or more of $n$ come about by chance with
#
# $$ p = \sum_{k=m}^{n} \binom{n}{k} q^k (1-q)^{n-k} . $$
#
# Six suspects are six tests, so p is adjusted before it is compared with 0.05. And $q$ has to be
# measured, on models that have nothing to do with yours.

# %% tags=["dashboard"]
panels.dispute_panel(lab)

# %% [markdown] tags=["hands-on"]
# By hand: `case.own` is your side, `reference_models` are copies that you stole from yourself and
# strangers. They take some seconds.

# %% tags=["hands-on"]
from labkit.course.cases.extraction.dispute import reference_models

own, made = case.own, reference_models(case.scenario)
len(made.copies), len(made.independent), len(made.held_back)

# %% tags=["hands-on", "answer"] answer="dispute"
from labkit.defenses.ownership import conferrable_fingerprint
from labkit.metrics import holm, ownership_test

# starter
# keys = own.watermark  # your turn: keys that a thief inherits who has only seen answers
# solution
others = {"independent": made.independent, "held_back": made.held_back}
keys = conferrable_fingerprint(own.model, own.x, own.y, copies=made.copies, **others)

# %% [markdown] tags=["hands-on"]
# The judge asks the suspects about your keys again, and measures chance on strangers of its own.

# %% tags=["hands-on"]
tests = [ownership_test(each.service, keys.x, keys.y, chance=keys.chance) for each in case.suspects]
p_values = holm([test.p_value for test in tests])
verdicts = ["stolen" if p <= 0.05 else "independent" for p in p_values]
panels.keep_keys(lab, keys)
lab.check("dispute", verdicts=verdicts, p_values=p_values, x_keys=keys.x, y_keys=keys.y)

# %% tags=["dashboard"]
lab.checkpoint("dispute")

# %% [markdown] tags=["hands-on"]
# What you have reached so far, from the log and not from the memory of this notebook:

# %% tags=["hands-on", "nbval-check-output"]
print("reached:", ", ".join(sorted(lab.session.progress().passed)))

# %% [markdown]
# ## Evidence
#
# Your measurements go into your evidence pack, with the weights that you solved for and copied, the
# guard and every one that you tried, and the keys on which your verdicts rest: enough for somebody
# else to measure all of it again.

# %% tags=["dashboard"]
lab.evidence()

# %% [markdown]
# ## Debrief
#
# * A linear model is as public as its answers: as many questions as unknowns, and it is yours.
# * A network is copied by imitation. What an answer tells and how many there are both count, and a made-up
#   question is as good as a found one.
# * A limit holds one account. A detector holds many, and its false alarms are paid by customers:
#   promise a rate first, and slow a suspect down before you shut it out.
# * A watermark of noise follows the weights and not the answers. What lies at your decision boundary follows
#   both. Chance has to be measured on strangers, and six suspects are six chances to be wrong.

# %% tags=["dashboard"]
lab.debrief()
