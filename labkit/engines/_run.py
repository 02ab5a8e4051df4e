"""What every shim does around the library's own code.

Kept away from the victim and the caller: gradients on parameters, other modes, reseeded
generators (of torch, NumPy and Python), printing, warnings, empty batches, inputs that are
misread already, NaN, and perturbations outside the ball or the box.
"""

from __future__ import annotations

import io
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from labkit.core.errors import InvalidInputError, LabkitError
from labkit.core.machine import threads
from labkit.core.protocols import Classifier, check_batch, require_differentiable
from labkit.core.rest import at_rest
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import derive
from labkit.core.threat import Norm
from labkit.engines._offer import Offer, settle
from labkit.engines._victim import VictimModule, check_look

__all__ = ["Job", "make_attack"]


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a library's attack, on inputs that the attacker does not have yet.

    Attributes
    ----------
    offer : Offer
        The attack.
    given : dict
        Its parameters by the library's names, lengths in units of the box.
    module : VictimModule
        The victim.
    epsilon : float or None
        The budget in units of the box (L0: a count); None where there is none.
    x : Tensor of shape ``(n, *module.shape)``
        Inputs in ``[0, 1]``, a copy.
    goal : Tensor of shape ``(n,)``
        The class to be read where ``targeted``, and the one to get away from elsewhere.
    targeted : bool
    classes : int
    seed : int
    """

    offer: Offer
    given: dict[str, Any]
    module: VictimModule
    epsilon: float | None
    x: Tensor
    goal: Tensor
    targeted: bool
    classes: int
    seed: int

    def part(self, rows: slice) -> Job:
        """Return the same for some of the inputs."""
        return replace(self, x=self.x[rows].clone(), goal=self.goal[rows], given=dict(self.given))


Run = Callable[[Job], Tensor]


def make_attack(engine: str, offers: Mapping[str, Offer], run: Run) -> Callable[..., Any]:
    """Return the function ``attack`` of an engine.

    Parameters
    ----------
    engine : str
        What the engine is called.
    offers : mapping
        Its attacks.
    run : function
        Has the library work on a :class:`Job`.
    """

    def attack(name: str, **hyperparameters: Any) -> Any:
        """Bind hyperparameters, in our words, to an attack of the engine.

        Parameters
        ----------
        name : str
            A key of ``ATTACKS``.
        **hyperparameters
            In our words: ``epsilon``, ``step_size``, ``steps``, ...; ``seed`` is taken by
            every attack.

        Returns
        -------
        function
            ``(model, x, y, *, y_target=None) -> AdversarialExamples``.

        Raises
        ------
        UnknownNameError
            When the engine has no such attack.
        InvalidInputError
            When the attack does not take one of the hyperparameters, needs another, or it has no
            sensible value.
        """
        settings = settle(engine, offers, name, hyperparameters)
        return partial(_attack, f"{engine}/{name}", offers[name], settings, run)

    return attack


def _attack(
    attack: str,
    offer: Offer,
    settings: Mapping[str, Any],
    run: Run,
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    y_target: Tensor | None = None,
) -> AdversarialExamples:
    _check(attack, offer, model, x, y, y_target)
    seed = settings.get("seed", 0)
    x = x.detach()
    with at_rest(model), _undisturbed(derive(seed, attack), x.device):
        x_adv = _made(attack, offer, settings, run, model, x, y, y_target)
    return AdversarialExamples(
        x=x,
        x_adv=x_adv,
        y=y,
        attack=attack,
        params={**settings, "norm": offer.norm.value, "seed": seed},
        y_target=y_target,
    )


def _check(
    attack: str, offer: Offer, model: Classifier, x: Tensor, y: Tensor, y_target: Tensor | None
) -> None:
    check_batch(model, x, y)
    if len(x) == 0:
        raise InvalidInputError("expected one input or more, got an empty batch")
    if not offer.black_box:
        require_differentiable(model, attack)
    check_look(attack, offer.look, tuple(model.input_shape))
    if model.classes < offer.least_classes:
        raise InvalidInputError(
            f"{attack} needs a victim of {offer.least_classes} classes or more, this one has {model.classes}"
        )
    if y_target is not None:
        if not offer.targeted:
            raise InvalidInputError(f"{attack} cannot be aimed at a class; leave y_target out")
        try:
            check_batch(model, x, y_target)
        except InvalidInputError as error:
            raise InvalidInputError(f"y_target does not fit: {error}") from None


def _made(
    attack: str,
    offer: Offer,
    settings: Mapping[str, Any],
    run: Run,
    model: Classifier,
    x: Tensor,
    y: Tensor,
    y_target: Tensor | None,
) -> Tensor:
    logits = model.logits(x)
    # Whoever is misread already, or read as the target, is none of its business.
    read = logits.argmax(1)
    left = torch.nonzero(read == y if y_target is None else read != y_target).flatten()
    x_adv = x.clone(memory_format=torch.contiguous_format)
    if len(left) == 0 or settings.get("epsilon") == 0:
        return x_adv
    goal = y if y_target is None else y_target
    if offer.aims and y_target is None:
        goal = logits.scatter(1, y[:, None], -torch.inf).argmax(1)
    module = VictimModule(model, offer.look, x, offer.directions)
    low, high = model.bounds
    job = Job(
        offer=offer,
        given=offer.theirs(settings, high - low),
        module=module.eval(),
        epsilon=offer.in_units("epsilon", settings.get("epsilon"), high - low),
        x=module.shown(x_adv[left]),
        goal=goal[left].clone(),
        targeted=offer.aims or y_target is not None,
        classes=model.classes,
        seed=settings.get("seed", 0) % 2**32,
    )
    made = module.meant(_start_by_start(run, job) if offer.starts else _told(attack, run, job))
    if offer.beyond:
        made = made + offer.beyond * (made - x_adv[left])
    x_adv[left] = _legal(x_adv[left], made, offer.norm, settings.get("epsilon"), model.bounds)
    return x_adv


def _told(attack: str, run: Run, job: Job) -> Tensor:
    """Run the library, and say in our words that it stopped."""
    try:
        return run(job).detach()
    except LabkitError:
        raise
    except Exception as error:
        raise InvalidInputError(
            f"{attack} stopped with {type(error).__name__}: {error or 'no message'}. "
            f"It was given {', '.join(f'{word}={value!r}' for word, value in job.given.items()) or 'nothing'}"
        ) from error


def _start_by_start(run: Run, job: Job) -> Tensor:
    """Run the library on all inputs, and one by one where it misses a start for some of them.

    An input for which it finds nothing to start from stays as it is.
    """
    try:
        return run(job.part(slice(None))).detach()
    except LabkitError:
        raise
    except (AssertionError, ValueError):
        pass
    made = job.x.clone()
    for row in range(len(made) if len(made) > 1 else 0):
        try:
            made[row : row + 1] = run(job.part(slice(row, row + 1))).detach()
        except LabkitError:
            raise
        except (AssertionError, ValueError):
            continue
    return made


def _legal(x: Tensor, made: Tensor, norm: Norm, epsilon: float | None, bounds: tuple[float, float]) -> Tensor:
    """Bring what a library made into the ball and the box; what it broke stays as it was."""
    low, high = bounds
    whole = made.flatten(1).isfinite().all(1).view(-1, *[1] * (x.dim() - 1))
    x_adv = torch.where(whole, made, x).clamp(low, high)
    if epsilon is None:
        return x_adv
    # What is legal stays to the last bit: who stands right behind the border would slip back.
    outside = norm.size(x_adv - x) > epsilon
    start = x[outside]
    box = (low - start).clamp_max(0.0), (high - start).clamp_min(0.0)
    x_adv[outside] = (start + norm.project(x_adv[outside] - start, epsilon, box)).clamp(low, high)
    return x_adv


@contextmanager
def _undisturbed(seed: int, device: torch.device) -> Iterator[None]:
    """Seed every global generator for a block that draws from them, and put them back; keep it quiet."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = [device] if device.type == "cuda" else []
    with (
        threads(),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.random.fork_rng(devices=devices),
        warnings.catch_warnings(),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(seed)
        for each in devices:
            with torch.cuda.device(each):
                torch.cuda.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        watched, tqdm.monitor_interval = tqdm.monitor_interval, 0  # its bars start a thread that stays
        try:
            yield
        finally:
            tqdm.monitor_interval = watched
            random.setstate(python)
            np.random.set_state(numpy)
