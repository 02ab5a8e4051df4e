"""Certify a network by smoothing and by intervals: noise, copies, and how far each certificate reaches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.core import Norm
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.judging import smoothed_model
from labkit.course.cases.robustness.statement import linf_reach
from labkit.course.cases.robustness.weights import weights_of
from labkit.defenses.certification import Certificates, certify_intervals
from labkit.defenses.robust_training import noise_training
from labkit.metrics import abstention_rate, certified_accuracy, certified_curve
from labkit.ui.controls import button, change_options, choice, output, panel, row, slider, tick
from labkit.ui.html import table
from labkit.ui.records import hand_in
from labkit.ui.robustness.charts import over_radii
from labkit.ui.robustness.common import SMOOTHED, Network, networks_of, own_seed, share_network
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["CertificatePanel", "certificate_panel"]

_COPIES = (100, 300, 1000, 2000)
_RADII = tuple(i / 40 for i in range(25))


def certificate_panel(
    lab: LabSession, checkpoint: str = "certificate", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel that certifies networks.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``RobustnessCase``.
    checkpoint : str
        The one that takes ``weights``, ``noise_std`` and ``n``.
    state : mapping or None
        Dials to start from: ``noise_std``, ``copies``, ``intervals``, ``training_noise``.
    """
    prepared = lab.state("certificate_panel") if state is None else state
    return lab.when_ready(lambda: CertificatePanel(lab, checkpoint, prepared).view, "certificate_panel")


class CertificatePanel:
    """Training under noise, the dials of a certificate, its curve, and the hand-in."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: RobustnessCase = lab.case
        self.radius = self.case.setting("certified_epsilon")
        self.networks: list[Network] = []
        self.training_noise = slider(
            "Noise in training",
            float(state.get("training_noise", 0.1)),
            0.0,
            0.6,
            0.01,
            "Standard deviation of the noise on every training input",
        )
        self.train = button(
            "Train under noise", self.train_now, tip="Train a network under this noise, 30 epochs"
        )
        self.pick = choice("Certified network", [("the reader in use", 0)], tip="Which network is certified")
        self.noise = slider(
            "Smoothing noise",
            float(state.get("noise_std", 0.5)),
            0.02,
            1.0,
            0.01,
            "Standard deviation of the noise on every copy",
        )
        copies = int(state.get("copies", 100))
        self.copies = choice(
            "Copies N",
            [(str(each), each) for each in _COPIES],
            copies if copies in _COPIES else _COPIES[0],
            "Noisy copies of each input behind the bound",
        )
        self.intervals = tick(
            "Intervals beside it", bool(state.get("intervals", False)), "Interval bounds of the same network"
        )
        lab.remember(
            "certificate_panel",
            state,
            training_noise=self.training_noise,
            noise_std=self.noise,
            copies=self.copies,
            intervals=self.intervals,
        )
        self.go = button("Certify", self.certify, tip="Certify your inputs with these dials")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the judge certify others")
        self.chart, self.feedback = output(), output()
        self.job = Job(self.train, self.go, self.submit, label="Certifying")
        self.view = panel(
            row(self.training_noise, self.train),
            self.pick,
            self.noise,
            self.copies,
            self.intervals,
            row(self.go, self.submit),
            self.job.view,
            self.chart,
            self.feedback,
        )
        lab.on_change(self._list)
        self._list()
        if lab.demo is not None and lab.demo.panel == "certificate_panel":
            self.certify()

    def train_now(self) -> None:
        """Train one more network under noise."""
        self.job.start(partial(self._train, float(self.training_noise.value)), self._trained)

    def _train(self, noise_std: float, progress: Progress) -> Network:
        case = self.case
        model = noise_training(
            case.network,
            case.train.x,
            case.train.y,
            noise_std=noise_std,
            epochs=30,
            seed=own_seed(case, "noise"),
            progress=progress,
        )
        return Network(
            f"trained under noise {noise_std:g}", model, {"method": "noise", "training_noise": noise_std}
        )

    def _trained(self, network: Network) -> None:
        share_network(self.lab, network)
        self.pick.value = len(self.networks) - 1

    def _list(self) -> None:
        """Bring the list of networks up to date; what was picked stays picked."""
        networks = networks_of(self.lab)
        if len(networks) == len(self.networks):
            return
        self.networks, kept = networks, int(self.pick.value or 0)
        change_options(self.pick, [(f"{i + 1}: {each.name}", i) for i, each in enumerate(networks)], kept)

    def certify(self) -> None:
        """Certify the issued inputs."""
        network = self.networks[int(self.pick.value or 0)]
        chosen = float(self.noise.value), int(self.copies.value), bool(self.intervals.value)
        self.job.start(partial(self._certify, network, *chosen), lambda markup: self._show(markup))

    def _certify(self, network: Network, noise_std: float, n: int, boxed: bool, progress: Progress) -> str:
        case = self.case
        smoothed = smoothed_model(case, network.model, noise_std, n)
        made = {
            f"smoothing, noise {noise_std:g}, N {n}": smoothed.certify(
                case.x, seed=own_seed(case, "certificate"), progress=progress
            )
        }
        if boxed:
            made["intervals"] = certify_intervals(network.model, case.x)
        curves = {name: certified_curve(each, case.y, _RADII, Norm.L2) for name, each in made.items()}
        picture = over_radii(curves, radius=self.radius, target=self.lab.target(self.checkpoint))
        return picture.markup() + self._table(made)

    def _table(self, made: Mapping[str, Certificates]) -> str:
        case, reach, box = self.case, linf_reach(self.case), self.case.setting("interval_epsilon")
        columns = (
            f"L2 {self.radius:g}",
            f"every pixel {reach:.3f}",
            f"every pixel {box:g}",
            "abstained",
            "confidence for each input",
        )
        rows = [
            (
                name,
                *(
                    f"{certified_accuracy(each, case.y, epsilon, norm).value:.0%}"
                    for epsilon, norm in ((self.radius, Norm.L2), (reach, Norm.LINF), (box, Norm.LINF))
                ),
                f"{abstention_rate(each).value:.1%}",
                "no chance in it" if each.confidence == 1 else f"{each.confidence:.1%}",
            )
            for name, each in made.items()
        ]
        caption = f"Certified on your {len(case.x)} inputs, abstentions counted as wrong"
        return f'<div class="lk">{table(caption, ("Certificate", *columns), rows)}</div>'

    def _show(self, markup: str) -> None:
        self.chart.value = markup

    def hand_in(self) -> None:
        """Have the judge certify the chosen network on inputs that were kept back."""
        network = self.networks[int(self.pick.value or 0)]
        settings = {"noise_std": float(self.noise.value), "n": int(self.copies.value)}
        self.lab.put(SMOOTHED, (network, settings))

        def work(_: Progress) -> str:
            return hand_in(
                self.lab, self.checkpoint, network.dials, weights=weights_of(network.model), **settings
            ).markup

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))
