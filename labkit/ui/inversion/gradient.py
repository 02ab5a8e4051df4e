"""Look into one client's update: what the server can read out of it, beside what went in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.attacks.inversion import infer_labels, invert_linear, match_gradients
from labkit.core import Reconstruction, derive
from labkit.course.inversion import InversionCase
from labkit.course.leaks import draw_batch
from labkit.data import Split
from labkit.defenses.privacy import client_update
from labkit.metrics import correlation, psnr
from labkit.ui.controls import button, choice, output, panel, row, slider
from labkit.ui.html import badge, callout, escape
from labkit.ui.inversion.common import beside, hand_in, nearest
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["GradientPanel", "gradient_panel"]

SHOWN = 8
CLIPS = (0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
_BATCHES = (1, 2, 4, 8, 16)


def gradient_panel(
    lab: LabSession, checkpoint: str = "gradient", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the viewer of one client's update.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is an ``InversionCase``.
    checkpoint : str
        The one that takes ``x_hat`` and ``y`` of the intercepted record.
    state : mapping or None
        Dials to start from: ``design`` (``"network"`` or ``"head"``), ``method`` (``"divide"``
        or ``"search"``), ``batch_size``, ``clip``, ``noise``.
    """
    prepared = lab.state("gradient_panel") if state is None else state
    return lab.when_ready(lambda: GradientPanel(lab, checkpoint, prepared).view, "gradient_panel")


class GradientPanel:
    """The dials of one update, and the recovered records beside the true ones."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint, self.number = lab, checkpoint, 0
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
        self.clip = choice(
            "Clip C",
            [("off", CLIPS[-1]) if each == CLIPS[-1] else (f"{each:g}", each) for each in CLIPS],
            nearest(CLIPS, float(state.get("clip", CLIPS[-1]))),
            "Longest gradient that one record may add",
        )
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
        self.words, self.pictures, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.other, self.submit, label="Attacking the update")
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
            row(self.go, self.other, self.submit),
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
            prior_strength=0.0005,
            smoothness=0.0,
            steps=60,
            step_size=0.1,
            seed=seed,
            progress=progress,
        )

    def _show(self, batch: Split, made: Reconstruction, said: list[int]) -> None:
        case = self.case
        x_hat = made.x_hat.expand_as(batch.x)
        found = correlation(x_hat, batch.x, known=case.means[batch.y])
        decibels = psnr(x_hat, batch.x)
        groups = []
        for i, label in enumerate(batch.y.tolist()[:SHOWN]):
            clear = found[i] >= self.lab.target("shield")
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
            f"peculiar to them. Classes read from the last bias: {names}{' …' if len(said) > SHOWN else ''} "
            f"({hits} of {len(batch)} right)."
        )
        self.words.value = f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'

    def hand_in(self) -> None:
        """Attack the intercepted update with the chosen method, and hand the record in."""
        case, method = self.case, str(self.method.value)
        dials = {"design": "network", "method": method}

        def work(progress: Progress) -> tuple[Reconstruction, str]:
            label = infer_labels(case.shared_model, case.sent)
            guess = Split(case.prior.mean[None], label)
            made = self._recover(dials, case.sent, guess, derive(case.seed, "intercepted"), progress)
            card = hand_in(self.lab, self.checkpoint, dials, x_hat=made.x_hat, y=int(label[0]))
            return made, card.markup

        def done(result: tuple[Reconstruction, str]) -> None:
            made, markup = result
            name = case.class_names[int(made.y[0])]
            shown = [("recovered", made.x_hat[0]), ("true record", case.record.x[0])]
            self.pictures.value = beside(
                [(shown, f"<strong>{escape(name)}</strong>, intercepted")], "records"
            )
            self.words.value = callout("info", "One record, sent without protection.", title="Intercepted.")
            self.feedback.value = markup

        self.job.start(work, done)
