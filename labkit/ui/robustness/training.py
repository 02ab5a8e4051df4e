"""Train networks against attacks and see what each costs: every one stays on the chart, one is handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor

from labkit.attacks.evasion import fgsm, pgd
from labkit.core import DifferentiableClassifier
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.weights import weights_of
from labkit.defenses import adversarial_training
from labkit.defenses.certification import interval_training
from labkit.defenses.robust_training import fast_adversarial_training, trades
from labkit.metrics import clean_accuracy
from labkit.models import TorchClassifier
from labkit.ui import plots
from labkit.ui.controls import button, change_options, choice, output, panel, row, slider
from labkit.ui.records import hand_in
from labkit.ui.robustness.charts import over_epochs
from labkit.ui.robustness.common import HARDENED, Network, accuracy, own_seed, share_network, standing
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["METHODS", "TrainingPanel", "training_panel"]

_WATCHED = 80  # inputs behind the curve over the epochs
_POINTS = 10  # of that curve
_CLEAN_TARGET = 0.92

_Made = tuple[Network, list[plots.Trial], dict[str, list[float]]]
"""A network, what was measured of it and of those before, and its curve over the epochs."""

METHODS: Mapping[str, str] = {
    "pgd": "PGD: several small steps",
    "fast": "fast: one step from a random start",
    "fgsm": "one step, no random start",
    "trades": "TRADES: a dial for the drift",
    "intervals": "intervals: a bound on all attacks",
}
"""Ways of training, in words."""


def training_panel(
    lab: LabSession, checkpoint: str = "robust", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel that trains networks and weighs clean against robust accuracy.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``RobustnessCase``.
    checkpoint : str
        The one that takes ``weights``.
    state : mapping or None
        Dials to start from: ``method``, ``epsilon``, ``steps``, ``epochs``, ``beta``.
    """
    prepared = lab.state("training_panel") if state is None else state
    return lab.when_ready(lambda: TrainingPanel(lab, checkpoint, prepared).view, "training_panel")


class TrainingPanel:
    """The dials of a training, the chart of all networks, the curve of the last, and the choice of one."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: RobustnessCase = lab.case
        self.networks = [Network("the reader in use", self.case.victim, {"method": "none"})]
        self.trials: list[plots.Trial] = []
        method = str(state.get("method", "pgd"))
        self.method = choice(
            "Method",
            [(words, name) for name, words in METHODS.items()],
            method if method in METHODS else "pgd",
            "What the network is trained against",
        )
        budget = self.case.threat.epsilon
        self.epsilon = slider(
            "Training epsilon", float(state.get("epsilon", budget / 3)), 0.0, 0.4, 0.005, "Budget in training"
        )
        self.steps = slider(
            "Attack steps", int(state.get("steps", 2)), 1, 10, 1, "Steps of PGD, or of the search of TRADES"
        )
        self.epochs = slider("Epochs", int(state.get("epochs", 8)), 1, 40, 1, "Passes over the training data")
        self.beta = slider(
            "TRADES beta", float(state.get("beta", 6.0)), 0.0, 12.0, 0.5, "Weight of the drift, for TRADES"
        )
        lab.remember(
            "training_panel",
            state,
            method=self.method,
            epsilon=self.epsilon,
            steps=self.steps,
            epochs=self.epochs,
            beta=self.beta,
        )
        self.go = button("Train a network", self.train, tip="Train with these dials; takes some seconds")
        self.pick = choice("To hand in", [("the reader in use", 0)], tip="One of your trials")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the chosen network judged")
        self.chart, self.curve, self.feedback = output(), output(), output()
        self.job = Job(self.go, self.submit, label="Training")
        self.view = panel(
            self.method,
            self.epsilon,
            self.steps,
            self.epochs,
            self.beta,
            self.go,
            self.job.view,
            self.chart,
            self.curve,
            row(self.pick, self.submit),
            self.feedback,
        )
        self.method.observe(lambda _: self._enable(), "value")
        self.pick.observe(lambda _: self._draw(), "value")
        self._enable()
        if lab.demo is not None and lab.demo.panel == "training_panel":
            self.train()

    def train(self) -> None:
        """Train one more network with the dials as they stand."""
        dials = {
            "method": str(self.method.value),
            "epsilon": float(self.epsilon.value),
            "steps": int(self.steps.value),
            "epochs": int(self.epochs.value),
            "beta": float(self.beta.value),
        }
        self.job.start(partial(self._train, dials), self._added)

    def _train(self, dials: dict[str, Any], progress: Progress) -> _Made:
        case, watched = self.case, slice(0, _WATCHED)
        x, y = case.x[watched], case.y[watched]
        every = max(1, round(dials["epochs"] / _POINTS))
        seen: dict[str, list[float]] = {
            "epoch": [],
            "clean": [],
            "one step (FGSM)": [],
            "many steps (PGD)": [],
        }

        def after_epoch(epoch: int, model: TorchClassifier) -> None:
            if epoch % every and epoch != dials["epochs"]:
                return
            seen["epoch"].append(epoch)
            seen["clean"].append(accuracy(model, x, y))
            one = fgsm(model, x, y, epsilon=case.threat.epsilon).x_adv
            seen["one step (FGSM)"].append(accuracy(model, one, y))
            seen["many steps (PGD)"].append(standing(case, model, 15, _WATCHED).value)

        common = {
            "epochs": dials["epochs"],
            "seed": own_seed(case, "training"),
            "progress": progress,
            "after_epoch": after_epoch,
        }
        model = _TRAINERS[dials["method"]](case, dials, common)
        network = Network(_say(dials), model, {name: dials[name] for name in _used(dials["method"])})
        # The reader in use is measured with the first network: whoever only opens the page waits for nothing.
        new = [network] if self.trials else [*self.networks, network]
        return network, [self._measure(each) for each in new], seen

    def _added(self, made: _Made) -> None:
        network, trials, seen = made
        share_network(self.lab, network)
        self.networks.append(network)
        self.trials.extend(trials)
        epochs = [int(epoch) for epoch in seen.pop("epoch")]
        self.curve.value = over_epochs(network.name, epochs, seen).markup()
        options = [(f"{i + 1}: {each.name}", i) for i, each in enumerate(self.networks)]
        change_options(self.pick, options, len(self.networks) - 1)
        self._draw()

    def _measure(self, network: Network) -> plots.Trial:
        clean = clean_accuracy(network.model, self.case.x, self.case.y)
        return plots.Trial(network.name, clean, standing(self.case, network.model))

    def _draw(self) -> None:
        if not self.trials:
            return
        chosen = int(self.pick.value or 0)
        self.chart.value = plots.trade_off(
            self.trials,
            robust_target=self.lab.target(self.checkpoint),
            clean_target=_CLEAN_TARGET,
            chosen=chosen,
        ).markup()

    def _enable(self) -> None:
        used = _used(str(self.method.value))
        self.steps.disabled = "steps" not in used
        self.beta.disabled = "beta" not in used

    def hand_in(self) -> None:
        """Have the chosen network attacked by the judge."""
        network = self.networks[int(self.pick.value or 0)]
        self.lab.put(HARDENED, network)

        def work(_: Progress) -> str:
            return hand_in(self.lab, self.checkpoint, network.dials, weights=weights_of(network.model)).markup

        self.job.start(work, lambda markup: setattr(self.feedback, "value", markup))


def _used(method: str) -> tuple[str, ...]:
    """Return the dials that a method has."""
    more = {"pgd": ("steps",), "trades": ("steps", "beta")}.get(method, ())
    return ("method", "epsilon", "epochs", *more)


def _say(dials: Mapping[str, Any]) -> str:
    used = [f"{name} {dials[name]:g}" for name in _used(str(dials["method"]))[1:]]
    return f"{METHODS[dials['method']].partition(':')[0]}, {', '.join(used)}"


_Trainer = Callable[[RobustnessCase, Mapping[str, Any], Mapping[str, Any]], TorchClassifier]


def _pgd(case: RobustnessCase, dials: Mapping[str, Any], common: Mapping[str, Any]) -> TorchClassifier:
    def attack(model: DifferentiableClassifier, x: Tensor, y: Tensor) -> Tensor:
        return pgd(model, x, y, epsilon=dials["epsilon"], steps=dials["steps"]).x_adv

    return adversarial_training(case.network, case.train.x, case.train.y, attack=attack, **common)


def _one_step(
    random_start: bool, case: RobustnessCase, dials: Mapping[str, Any], common: Mapping[str, Any]
) -> TorchClassifier:
    # Anew, as the contractor does: beginning from the reader in use holds the collapse back.
    return fast_adversarial_training(
        case.architecture,
        case.train.x,
        case.train.y,
        classes=case.classes,
        epsilon=dials["epsilon"],
        random_start=random_start,
        **common,
    )


def _trades(case: RobustnessCase, dials: Mapping[str, Any], common: Mapping[str, Any]) -> TorchClassifier:
    own = {name: dials[name] for name in ("epsilon", "steps", "beta")}
    return trades(case.network, case.train.x, case.train.y, **own, **common)


def _intervals(case: RobustnessCase, dials: Mapping[str, Any], common: Mapping[str, Any]) -> TorchClassifier:
    return interval_training(case.network, case.train.x, case.train.y, epsilon=dials["epsilon"], **common)


_TRAINERS: Mapping[str, _Trainer] = {
    "pgd": _pgd,
    "fast": partial(_one_step, True),
    "fgsm": partial(_one_step, False),
    "trades": _trades,
    "intervals": _intervals,
}
