"""A copy of the victim to search with: the same function, computed faster.

An attack spends its time in the victim's forward pass and in the gradient of its input.  The copy
folds batch norm into the convolutions before it and may compute in a lower precision; what it says
is only ever a suggestion: whether an input is misread is judged in 32 bits by the model itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache

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
        module = _faster_copy(model)
        self._forward = model.forward if module is None else module
        self._is_copy = module is not None
        lower = precision == "bfloat16" or (precision == "auto" and lower_precision_pays(module))
        self.precision = "bfloat16" if lower and module is not None else "float32"
        self._dtype = torch.bfloat16 if self.precision == "bfloat16" else torch.float32
        if module is not None and lower:
            module.to(self._dtype)

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
        self.gradients += len(x)
        # A caller may be in inference mode, whose tensors autograd cannot follow: copy them.
        with threads(), torch.inference_mode(False), torch.enable_grad():
            leaf = x.detach().to(self._dtype, copy=True).requires_grad_(True)
            logits = self._forward(leaf).float()
            gain = loss(logits, y.clone()) if y_target is None else -loss(logits, y_target.clone())
            (gradient,) = torch.autograd.grad(gain.sum(), leaf)
        return logits.detach(), gain.detach(), gradient.float()

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


def _folded(module: nn.Module) -> nn.Module:
    """Fold each batch norm of a sequence into the convolution right before it."""
    if isinstance(module, nn.Sequential):
        parts = list(module)
        for i, (first, second) in enumerate(zip(parts, parts[1:], strict=False)):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                if second.running_var is not None:
                    module[i] = fuse_conv_bn_eval(first, second).requires_grad_(False)
                    module[i + 1] = nn.Identity()
    for part in module.children():
        _folded(part)
    return module
