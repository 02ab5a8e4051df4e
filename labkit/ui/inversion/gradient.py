"""Look into one client's update: what the server can read out of it, beside what went in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.attacks.inversion import infer_labels, invert_linear, match_gradients
from labkit.core import Reconstruction, derive
from labkit.course.cases.inversion.case import InversionCase
from labkit.course.cases.inversion.leaks import by_chance, draw_batch, what_is_peculiar
from labkit.course.cases.inversion.records import COMPANY, intercepted_batch, intercepted_record
from labkit.data import Split
from labkit.defenses.privacy import client_update
from labkit.metrics import psnr
from labkit.ui.controls import button, choice, output, panel, row, slider
from labkit.ui.html import badge, callout, escape
from labkit.ui.inversion.common import beside, clip_dial, nearest
from labkit.ui.inversion.evidence import keep_pictures
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["GradientPanel", "gradient_panel"]

SHOWN = 8
_BATCHES = (1, 2, 4, 8, 16)


def gradient_panel(
    lab: LabSession,
    checkpoints: tuple[str, str] = ("gradient", "company"),
    state: Mapping[str, Any] | None = None,
) -> Any:
    """Return the viewer of one client's update.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``InversionCase``.
    checkpoints : two of str
        Those that take ``x_hat`` and ``y`` of the one intercepted record, and of the four.
    state : mapping or None
        Dials to start from: ``design`` (``"network"`` or ``"head"``), ``method`` (``"divide"``
        or ``"search"``), ``batch_size``, ``clip``, ``noise``.
    """
    prepared = lab.state("gradient_panel") if state is None else state
    return lab.when_ready(lambda: GradientPanel(lab, checkpoints, prepared).view, "gradient_panel")


class GradientPanel:
    """The dials of one update, and the recovered records beside the true ones."""

    def __init__(self, lab: LabSession, checkpoints: tuple[str, str], state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoints, self.number = lab, checkpoints, 0
        self.case: InversionCase = lab.case
        designs = [("the whole network, on raw pictures", "network"), ("a head on public features", "head")]
        self.design = choice("Trained is", designs, str(state.get("design", "network")), "What clients train")
        methods = [("divide weights by bias", "divide"), ("search for records that fit", "search")]
        self.method = choice(
            "The server may", methods, str(state.get("method", "search")), "How it attacks the update"
        )
        self.batch = choice(
            "Batch size",
            [(f"{each}", each) for each in _BATCHES],
            int(nearest(_BATCHES, float(state.get("batch_size", 1)))),
            "Records in one update",
        )
        self.clip = clip_dial(state)
        self.noise = slider(
            "Noise multiplier",
            float(state.get("noise", 0.0)),
            0.0,
            1.0,
            0.01,
            "Noise on the sum, in units of C",
        )
        self.go = button("Attack an update", self.run, tip="Make an update with these dials and attack it")
        self.other = button("Other records", self.next_records, tip="Take another batch of this client")
        self.submit = button(
            "Attack the intercepted update and hand in",
            self.hand_in,
            primary=True,
            tip="One record, sent without protection; recovered with the method chosen above",
        )
        self.submit_four = button(
            f"Attack the update of {COMPANY} and hand in",
            self.hand_in_four,
            primary=True,
            tip="Four records, sent without protection; recovered with the method chosen above",
        )
        self.words, self.pictures, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.other, self.submit, self.submit_four, label="Attacking the update")
        lab.remember(
            "gradient_panel",
            state,
            design=self.design,
            method=self.method,
            batch_size=self.batch,
            clip=self.clip,
            noise=self.noise,
        )
        self.view = panel(
            self.design,
            self.method,
            self.batch,
            self.clip,
            self.noise,
            row(self.go, self.other, self.submit, self.submit_four),
            self.job.view,
            self.words,
            self.pictures,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "gradient_panel":
            self.run()

    def dials(self) -> dict[str, Any]:
        """Return what the dials say."""
        return {
            "design": str(self.design.value),
            "method": str(self.method.value),
            "batch_size": int(self.batch.value),
            "clip": float(self.clip.value),
            "noise": float(self.noise.value),
        }

    def next_records(self) -> None:
        """Attack an update on other records of the same client."""
        self.number += 1
        self.run()

    def run(self) -> None:
        """Make an update with the dials as they stand, attack it, and show both sides."""
        dials = self.dials()
        self.job.start(partial(self._attack, dials, self.number), lambda made: self._show(*made))

    def _attack(
        self, dials: Mapping[str, Any], number: int, progress: Progress
    ) -> tuple[Split, Reconstruction, list[int]]:
        case, size = self.case, dials["batch_size"]
        model = case.shared_model if dials["design"] == "network" else case.head
        batch = draw_batch(case, size, 100 + number)
        seed = derive(case.seed, "gradient panel", number)
        sent = client_update(
            model.module, batch.x, batch.y, clip=dials["clip"], noise_multiplier=dials["noise"], seed=seed
        ).gradients
        said = infer_labels(model, sent, size).tolist()
        return batch, self._recover(dials, sent, batch, seed, progress), said

    def _recover(
        self, dials: Mapping[str, Any], sent: Mapping[str, Any], batch: Split, seed: int, progress: Progress
    ) -> Reconstruction:
        case, head = self.case, dials["design"] == "head"
        model = case.head if head else case.shared_model
        if dials["method"] == "divide":
            return invert_linear(model, sent, prior=case.public if head else None)
        return match_gradients(
            model,
            sent,
            y=batch.y,
            batch_size=len(batch),
            prior=case.public,
            smoothness=0.0,
            steps=80,
            step_size=0.1,
            seed=seed,
            progress=progress,
        )

    def _show(self, batch: Split, made: Reconstruction, said: list[int]) -> None:
        case = self.case
        x_hat, found = what_is_peculiar(case, made.x_hat.expand_as(batch.x), batch)
        chance = by_chance(case, batch, derive(case.seed, "gradient panel", "chance", self.number))
        decibels = psnr(x_hat, batch.x)
        groups = []
        for i, label in enumerate(batch.y.tolist()[:SHOWN]):
            clear = found[i] - chance >= self.lab.target("shield")
            mark = badge("bad", "leaks") if clear else badge("good", "hidden")
            caption = (
                f"<strong>{escape(case.class_names[label])}</strong>: {found[i]:.2f} of what is peculiar, "
                f"{min(99.0, float(decibels[i])):.0f} dB {mark}"
            )
            groups.append(([("recovered", x_hat[i]), ("true record", batch.x[i])], caption))
        self.pictures.value = beside(groups, "records")
        true = Counter(batch.y.tolist())
        hits = sum((Counter(said) & true).values())
        names = ", ".join(case.class_names[label] for label in said[:SHOWN])
        words = (
            f"Mean over {len(batch)} record{'s' * (len(batch) > 1)}: {float(found.mean()):.2f} of what is "
            f"peculiar to them (guessed pictures: {chance:.2f}). Classes read from the last bias: "
            f"{names}{' …' if len(said) > SHOWN else ''} ({hits} of {len(batch)} right)."
        )
        self.words.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'

    def hand_in(self) -> None:
        """Attack the intercepted update with the chosen method, and hand the record in."""
        self._hand_in(self.checkpoints[0], self.case.sent, intercepted_record(self.case))

    def hand_in_four(self) -> None:
        """Attack the intercepted update of four records with the chosen method, and hand them in."""
        self._hand_in(self.checkpoints[1], self.case.sent_batch, intercepted_batch(self.case))

    def _hand_in(self, checkpoint: str, sent: Mapping[str, Any], truth: Split) -> None:
        """Attack an intercepted update; ``truth`` is shown beside it, and counted only."""
        case, number = self.case, len(truth)
        dials = {"design": "network", "method": str(self.method.value), "batch_size": number}

        def work(progress: Progress) -> tuple[Reconstruction, str]:
            y = infer_labels(case.shared_model, sent, number)
            guess = Split(case.prior.mean.expand(number, *case.prior.mean.shape), y)
            found = self._recover(dials, sent, guess, derive(case.seed, "intercepted", checkpoint), progress)
            x_hat = found.x_hat.expand(number, *case.prior.mean.shape)
            made = Reconstruction(x_hat, y, found.attack, found.params)
            card = hand_in(self.lab, checkpoint, dials, x_hat=x_hat, y=int(y) if number == 1 else y)
            keep_pictures(self.lab, checkpoint, x_hat, {**dials, **found.params})
            return made, card.markup

        def done(result: tuple[Reconstruction, str]) -> None:
            made, markup = result
            groups = [
                (
                    [("recovered", made.x_hat[i]), ("true record", truth.x[i])],
                    f"<strong>{escape(case.class_names[int(truth.y[i])])}</strong>, intercepted",
                )
                for i in range(number)
            ]
            self.pictures.value = beside(groups, "records")
            words = "One record" if number == 1 else f"The mean over {number} records"
            self.words.value = callout("info", f"{words}, sent without protection.", title="Intercepted.")
            self.feedback.value = markup

        self.job.start(work, done)
