"""A copy of the victim to search with: the same function, computed faster.

An attack spends its time in the victim's forward pass and in the gradient of its input.  The copy
folds batch norm into the convolutions before it and may compute in a lower precision; what it says
is only ever a suggestion: whether an input is misread is judged in 32 bits by the model itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from labkit.attacks.evasion._common import misread
from labkit.core.errors import UnknownNameError
from labkit.core.machine import threads
from labkit.core.protocols import DifferentiableClassifier
from labkit.models import TorchClassifier

__all__ = ["PRECISIONS", "Search", "lower_precision_pays"]

Loss = Callable[[Tensor, Tensor], Tensor]

PRECISIONS = ("float32", "bfloat16", "auto")
"""What a search may compute in; ``auto`` takes 16 bits where the processor has instructions for them."""

_GRAIN = 16  # sizes of batch that are computed: its multiples, and all below it

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Search:
    """What a gradient attack asks while it searches, and the judge that confirms what it found.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.  It is read and never changed.
    precision : str
        One of :data:`PRECISIONS`.

    Attributes
    ----------
    precision : str
        ``"float32"`` or ``"bfloat16"``: what the search computes in.
    gradients : int
        Inputs whose gradient was taken so far.
    """

    def __init__(self, model: DifferentiableClassifier, precision: str = "float32") -> None:
        if precision not in PRECISIONS:
            raise UnknownNameError("precision", precision, PRECISIONS)
        self.model = model
        self.gradients = 0
        with torch.inference_mode(False):  # a copy that a caller's inference mode made knows no gradient
            module = _faster_copy(model)
            lowered = _lowered(module, model.input_shape) if _wants_lower(precision, module) else None
        self._forward = model.forward if module is None else module
        self._is_copy = module is not None
        weight = None if module is None else next(module.parameters(), None)
        self._device = torch.device("cpu") if weight is None else weight.device
        self.precision, self._dtype = "float32", torch.float32
        if lowered is not None:
            self.precision, self._dtype, self._forward = "bfloat16", torch.bfloat16, lowered

    def __call__(
        self, x: Tensor, y: Tensor, y_target: Tensor | None, loss: Loss
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, the attacker's loss and its gradient, all detached and in 32 bits.

        Untargeted attacks climb the loss of the true class, targeted ones descend that of the
        target.  Only the gradient of the input is computed: the victim's parameters are left as
        they were.

        Returns
        -------
        tuple of Tensor
            Shapes ``(n, classes)``, ``(n,)`` and ``(n, ...)``.
        """
        size = len(x)
        self.gradients += size
        # A caller may be in inference mode, whose tensors autograd cannot follow: copy them.
        with threads(), torch.inference_mode(False), torch.enable_grad():
            leaf = self._filled(x).requires_grad_(True)
            logits = self._forward(leaf.to(self._device))[:size].to(leaf.device, torch.float32)
            gain = loss(logits, y.clone()) if y_target is None else -loss(logits, y_target.clone())
            (gradient,) = torch.autograd.grad(gain.sum(), leaf)
        return logits.detach(), gain.detach(), gradient[:size].float()

    def _filled(self, x: Tensor) -> Tensor:
        """Return a copy of ``x`` in the search's precision, filled up to a size that comes again.

        Convolutions are prepared for each size of batch anew, which takes as long as computing them;
        a batch that loses a few inputs with each step would pay for that with each step.
        """
        spare = -len(x) % _GRAIN if self._is_copy and len(x) > _GRAIN else 0
        if not spare:
            return x.detach().to(self._dtype, copy=True)
        filled = x.new_empty((len(x) + spare, *x.shape[1:]), dtype=self._dtype)
        filled[: len(x)], filled[len(x) :] = x.detach(), x.detach()[:1]
        return filled

    def confirmed(self, logits: Tensor, x: Tensor, y: Tensor, y_target: Tensor | None) -> Tensor:
        """Return which inputs the model itself misreads, of those that ``logits`` say are; ``(n,)`` bool."""
        found = misread(logits, y, y_target)
        if not self._is_copy or not bool(found.any()):
            return found
        rows = found.nonzero().flatten()
        found[rows] = self.judge(x[rows], y[rows], None if y_target is None else y_target[rows])
        return found

    def judge(self, x: Tensor, y: Tensor, y_target: Tensor | None) -> Tensor:
        """Return which inputs the model itself misreads, in 32 bits; shape ``(n,)`` bool."""
        return misread(self.model.logits(x), y, y_target)


@lru_cache(maxsize=1)
def _has_instructions() -> bool:
    """Whether this processor multiplies in 16 bits by itself; elsewhere they are emulated, and slower."""
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def lower_precision_pays(module: nn.Module | None) -> bool:
    """Whether a search in 16 bits is faster for ``module`` here: convolutions, on a processor with bf16."""
    if module is None or not _has_instructions():
        return False
    return any(isinstance(part, nn.Conv2d) for part in module.modules())


def _faster_copy(model: DifferentiableClassifier) -> nn.Module | None:
    """Return a frozen copy of the victim's module with batch norm folded in, or None where that is not safe.

    A module that somebody listens to, or part of which is in training mode (dropout that is meant
    to stay random), is used as it is.
    """
    if type(model) is not TorchClassifier:
        return None
    module = model.module
    if any(part.training or any(getattr(part, hook) for hook in _HOOKS) for part in module.modules()):
        return None
    try:
        twin = copy.deepcopy(module)
    except (RuntimeError, TypeError, AttributeError):
        return None  # it holds something that cannot be copied
    return _folded(twin.requires_grad_(False))


def _wants_lower(precision: str, module: nn.Module | None) -> bool:
    return precision == "bfloat16" or (precision == "auto" and lower_precision_pays(module))


def _lowered(module: nn.Module | None, shape: tuple[int, ...]) -> nn.Module | None:
    """Return a copy of ``module`` in 16 bits, or None where something in it insists on 32."""
    if module is None:
        return None
    lowered = copy.deepcopy(module).to(torch.bfloat16)
    try:
        with torch.no_grad(), threads():
            lowered(torch.zeros((1, *shape), dtype=torch.bfloat16))
    except RuntimeError:
        return None
    return lowered


def _folded(module: nn.Module) -> nn.Module:
    """Fold each batch norm of a sequence into the convolution right before it."""
    if isinstance(module, nn.Sequential):
        for i, (first, second) in enumerate(pairwise(list(module))):
            if not (isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d)):
                continue
            if second.running_var is not None:
                module[i] = fuse_conv_bn_eval(first, second).requires_grad_(False)
                module[i + 1] = nn.Identity()
    for part in module.children():
        _folded(part)
    return module
