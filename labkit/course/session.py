"""One learner in one lab: what they do is measured, explained and kept.

A session holds no state of its own beside the case: hints, attempts and answers are
computed from the log, so a refresh, a crash or a second tab changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from labkit.core.errors import DeclarationError, InvalidInputError
from labkit.core.paths import data_dir
from labkit.course import answers, hints
from labkit.course.answers import AnswerResult, Calibration, Outcome
from labkit.course.catalogue import find_lab
from labkit.course.events import Attempt, Event, LabProgress, fold
from labkit.course.facts import session_facts
from labkit.course.hints import HintResult
from labkit.course.lab import Lab, Scenario
from labkit.course.learner import folder_name, learner_name, own_seed
from labkit.course.measuring import artefact_names, measure
from labkit.course.modules import load_module
from labkit.course.progress import ProgressLog
from labkit.course.recorder import Recorder
from labkit.scoring import Feedback

__all__ = ["Session"]


class Session:
    """A learner's work in one lab and scenario.

    Parameters
    ----------
    lab : Lab or str
        The lab, or a name that :func:`~labkit.course.catalogue.find_lab` knows.
    scenario : str, optional
        Id of the scenario; by default the first.
    learner : str, optional
        By default ``LABKIT_LEARNER``, or ``local``.
    seed : int, optional
        Which variant; by default ``LABKIT_SEED``, or the one drawn for this learner.
    log : ProgressLog, optional
        By default the log among the user's data.
    clock : function
        Returns seconds since the epoch.
    opened : bool
        Whether opening the lab is recorded; a live demo is nobody's work.
    """

    def __init__(
        self,
        lab: Lab | str,
        scenario: str | None = None,
        learner: str | None = None,
        seed: int | None = None,
        log: ProgressLog | None = None,
        *,
        clock: Callable[[], float] = time.time,
        opened: bool = True,
    ) -> None:
        self.lab = find_lab(lab) if isinstance(lab, str) else lab
        self.scenario: Scenario = (
            self.lab.scenarios[0] if scenario is None else self.lab.find_scenario(scenario)
        )
        self.learner = learner_name() if learner is None else learner
        self.on_progress: Callable[[int, int, str], None] | None = None
        self._clock = clock
        self._recorder = Recorder(ProgressLog() if log is None else log, self.learner)
        self.seed = own_seed(self._recorder) if seed is None else seed
        if opened:
            self._record("opened", {"scenario": self.scenario.id, "seed": self.seed})

    # ------------------------------------------------------------ the case and its checks

    @cached_property
    def case(self) -> Any:
        """The learner's variant; made on first use, which may train a victim.

        ``on_progress(done, total, message)`` is called meanwhile when it is set.
        """
        return load_module(self.lab, "case").make_case(self.scenario, self.seed, self.on_progress)

    def check(self, checkpoint_id: str, **artefacts: Any) -> Feedback:
        """Measure what is handed in, record the attempt, and say what came out and why.

        Raises
        ------
        InvalidInputError
            When an artefact is missing, unknown or cannot be measured, or the instructor of a class
            has frozen or closed the lab; that is no attempt.
        """
        checkpoint = self.lab.find_checkpoint(checkpoint_id)
        self._recorder.refuse_unless_open(self.lab.id)
        feedback = measure(self.lab, checkpoint, self.case, artefacts)
        measured = feedback.measured
        self._record(
            "checked",
            {
                "checkpoint": checkpoint.id,
                "scenario": self.scenario.id,
                "measured": measured if abs(measured) < float("inf") else None,
                "target": str(feedback.target),
                "passed": feedback.passed,
            },
        )
        return feedback

    def artefacts(self, checkpoint_id: str) -> list[str]:
        """Return the names of what :meth:`check` takes for this checkpoint."""
        return artefact_names(self.lab, self.lab.find_checkpoint(checkpoint_id))

    def attempts(self, checkpoint_id: str) -> list[Attempt]:
        """Return the attempts in this scenario since the last reset, oldest first."""
        self.lab.find_checkpoint(checkpoint_id)
        tried = self.progress().attempts.get(checkpoint_id, ())
        return [attempt for attempt in tried if attempt.scenario == self.scenario.id]

    # ------------------------------------------------------------ help

    def hint(self, checkpoint_id: str) -> HintResult:
        """Return the next hint, or how long to think before it may be asked for."""
        checkpoint = self.lab.find_checkpoint(checkpoint_id)
        now = self.hint_state(checkpoint_id)
        if now.wait_seconds > 0 or not now.more:
            return now
        level = now.level + 1
        self._record("hinted", {"checkpoint": checkpoint.id, "level": level})
        after = self.hint_state(checkpoint_id)
        return HintResult(
            level, checkpoint.hints[level - 1].text, after.wait_seconds, checkpoint.hints[:level], now.total
        )

    def hint_state(self, checkpoint_id: str) -> HintResult:
        """Return what has been shown and how long to wait, without asking for a hint."""
        checkpoint = self.lab.find_checkpoint(checkpoint_id)
        hinted = [event for event in self._since_reset() if event.kind == "hinted"]
        return hints.ladder(checkpoint, hinted, self._clock(), think=hints.think_seconds())

    def offer(self, checkpoint_id: str) -> str | None:
        """Return a pre-filled step after three failed checks in a row, None before."""
        checkpoint = self.lab.find_checkpoint(checkpoint_id)
        tried = self.attempts(checkpoint_id)[-hints.OFFER_AFTER :]
        if len(tried) < hints.OFFER_AFTER or any(attempt.passed for attempt in tried):
            return None
        if checkpoint.id not in self.progress().offered:
            self._record("offered", {"checkpoint": checkpoint.id})
        return checkpoint.hints[-1].text

    def worked_solution(self, checkpoint_id: str) -> str:
        """Return the code that solves the checkpoint, once it was attempted.

        Raises
        ------
        InvalidInputError
            Before the first attempt.
        """
        from labkit.course.builder import answer_code

        checkpoint = self.lab.find_checkpoint(checkpoint_id)
        if not self.progress().attempts.get(checkpoint.id):
            raise InvalidInputError(
                f"the worked solution of {checkpoint.title!r} opens after your first attempt. "
                "Hand something in, even if you expect it to fail: what comes back tells you why."
            )
        self._record("solved", {"checkpoint": checkpoint.id})
        return answer_code(self.lab, checkpoint.answer)

    # ------------------------------------------------------------ predictions and questions

    def predict(self, prediction_id: str, value: float | str, confidence: float) -> None:
        """Commit to what will come out, ``confidence`` per cent sure; the last word counts.

        Raises
        ------
        InvalidInputError
            When the value or the confidence is out of range, the outcome was seen, or the instructor of
            a class has frozen or closed the lab.
        """
        prediction = self.lab.find_prediction(prediction_id)
        self._recorder.refuse_unless_open(self.lab.id)
        kept = answers.check_prediction(prediction, value, confidence)
        made = self.progress().predictions.get(prediction_id)
        if made is not None and made.right is not None:
            raise InvalidInputError("you have seen what came out, so this prediction stands as it is")
        self._record(
            "predicted", {"prediction": prediction_id, "value": kept, "confidence": float(confidence)}
        )

    def outcome(self, prediction_id: str) -> Outcome:
        """Run it and return what came out beside what was predicted.

        Raises
        ------
        InvalidInputError
            When nothing was predicted yet.
        """
        prediction = self.lab.find_prediction(prediction_id)
        made = self.progress().predictions.get(prediction_id)
        if made is None:
            raise InvalidInputError("commit to a prediction first; then the outcome is shown")
        if made.actual is not None and made.right is not None:
            return Outcome(prediction, made.value, made.confidence, made.actual, made.right)
        actual = self._actual(prediction.outcome)
        right = answers.is_right(prediction, made.value, actual)
        self._record("outcome", {"prediction": prediction_id, "actual": actual, "right": right})
        return Outcome(prediction, made.value, made.confidence, actual, right)

    def calibration(self) -> Calibration:
        """Return how well this learner's confidence fits, over all labs."""
        return answers.calibration(self._recorder.events())

    def answer_recall(self, position: int, choices: int | Iterable[int]) -> AnswerResult:
        """Mark an answer to the recall question at ``position``; the last answer counts.

        Raises
        ------
        InvalidInputError
            When the answer is none to it, or the instructor of a class has frozen or closed the lab.
        """
        recall = _at("recall question", self.lab.recall, position)
        return self._marked("recalled", {}, position, recall, choices)

    def answer_item(self, form: str, position: int, choices: int | Iterable[int]) -> AnswerResult:
        """Mark an answer to the item at ``position`` of the ``"pre"`` or ``"post"`` form.

        Raises
        ------
        InvalidInputError
            When the answer is none to it, or the instructor of a class has frozen or closed the lab.
        """
        item = _at(f"item of the form {form!r}", self.lab.form(form), position)
        return self._marked("answered", {"form": form}, position, item, choices)

    # ------------------------------------------------------------ progress and evidence

    def progress(self) -> LabProgress:
        """Return where the learner stands in this lab, in all scenarios."""
        return fold(self.lab, self._recorder.events())

    def reset(self) -> None:
        """Begin again; nothing is erased, what came before no longer counts."""
        self._record("reset", {})
        self._record("opened", {"scenario": self.scenario.id, "seed": self.seed})

    def add_evidence(
        self,
        name: str | None = None,
        data: Mapping[str, Any] | None = None,
        artifacts: Mapping[str, Any] | None = None,
    ) -> Path:
        """Add this lab's artefact to the evidence pack and return the folder it was kept in.

        Parameters
        ----------
        name : str, optional
            Title of the entry; by default that of the artefact the lab declares.
        data : mapping, optional
            Facts beside those that the log holds.
        artifacts : mapping of str to bytes or Tensor, optional
            What was handed in.
        """
        from labkit.evidence import EvidencePack

        title = self.lab.artefact.title if name is None else name
        pack = EvidencePack(self.evidence_path)
        kept = pack.add(
            self.lab.id,
            title,
            {**session_facts(self), **(data or {})},
            artifacts,
            scenario=self.scenario.id,
            seed=self.seed,
        )
        pack.write_html()
        self._record("evidence", {"name": title})
        return kept

    @property
    def evidence_path(self) -> Path:
        """The folder of this learner's evidence pack."""
        return data_dir() / "evidence" / folder_name(self.learner)

    @property
    def log_path(self) -> Path:
        """The file of the progress log."""
        return self._recorder.path

    @property
    def storage_warning(self) -> str | None:
        """What to tell the learner about storage; None when every event is on the disk."""
        return self._recorder.warning

    # ------------------------------------------------------------ inside

    def _record(self, kind: str, payload: Mapping[str, Any]) -> None:
        self._recorder.record(self.lab.id, kind, payload)

    def _since_reset(self) -> list[Event]:
        own = [event for event in self._recorder.events() if event.lab == self.lab.id]
        resets = [position for position, event in enumerate(own) if event.kind == "reset"]
        return own[resets[-1] + 1 :] if resets else own

    def _actual(self, key: str) -> float | str:
        table = load_module(self.lab, "case").OUTCOMES
        if key not in table:
            raise DeclarationError(
                self.lab.folder / "case.py", None, f"OUTCOMES has no {key!r}. Known: {', '.join(table)}."
            )
        actual = table[key](self.case)
        return actual if isinstance(actual, str) else float(actual)

    def _marked(
        self, kind: str, about: Mapping[str, Any], position: int, asked: Any, choices: int | Iterable[int]
    ) -> AnswerResult:
        self._recorder.refuse_unless_open(self.lab.id)
        result = answers.mark(asked.question, asked.options, choices)
        chosen = [place for place, option in enumerate(result.options) if option.chosen]
        self._record(kind, {**about, "position": position, "chosen": chosen, "right": result.right})
        return result


def _at(kind: str, among: tuple[Any, ...], position: int) -> Any:
    if not 0 <= position < len(among):
        raise InvalidInputError(f"expected a {kind} from 0 to {len(among) - 1}, got {position}")
    return among[position]
