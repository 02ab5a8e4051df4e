"""Hold a hand-in against what its task declares: kind, shape, type, finiteness, range, budget.

The candidate's side and the grader use the same function, so what was accepted at the desk is
accepted by the grader.  Nothing here runs what was handed in.
"""

from __future__ import annotations

import math
import struct
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError, LabkitError
from labkit.exams.task.types import Budget, HandInField, Task

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Checked", "check_hand_in", "limits_of", "options_of"]

MOST_VALUES = 4_000_000
"""Values of one tensor, and of all tensors of a model: 16 MB of float32."""

_MOST_UNASKED, _LONGEST_NAME = 10, 60


@dataclass(frozen=True, slots=True)
class Checked:
    """A hand-in after its check.

    Attributes
    ----------
    values : mapping of str to Any
        What is fine, as plain values, tensors, or state dicts.
    problems : mapping of str to str
        Name of a field, or of something nobody asked for, to what is wrong with it.
    missing : tuple of str
        Declared fields that were not handed in.
    """

    values: Mapping[str, Any]
    problems: Mapping[str, str]
    missing: tuple[str, ...]

    def insist(self, task: str) -> Mapping[str, Any]:
        """Return the values.

        Raises
        ------
        InvalidInputError
            When anything is wrong; one line for each problem.
        """
        if self.problems:
            lines = [f"  {problem}" for problem in self.problems.values()]
            raise InvalidInputError("\n".join([f"{task} was not handed in:", *lines]))
        return self.values


def check_hand_in(
    task: Task,
    facts: Mapping[str, Any],
    hand_in: Mapping[str, Any],
    tensors: Mapping[str, Tensor] | None = None,
) -> Checked:
    """Check everything that was handed in for a task.

    Parameters
    ----------
    task : Task
    facts : mapping of str to Any
        What was issued beside the tensors: sizes, options, architectures.
    hand_in : mapping of str to Any
        Field to value.  Tensors are tensors; models are state dicts.
    tensors : mapping of str to Tensor, optional
        What was issued; without it budgets around an issued tensor are not checked.

    Returns
    -------
    Checked
    """
    declared = {field.name: field for field in task.fields}
    values: dict[str, Any] = {}
    problems = _unasked(task, [name for name in hand_in if name not in declared])
    for name, value in hand_in.items():
        if name not in declared:
            continue
        field = declared[name]
        try:
            values[name] = _CHECKS[field.kind](field, facts, value)
            if field.budget is not None and tensors is not None:
                _inside(field, field.budget, facts, values[name], tensors)
        except LabkitError as error:
            values.pop(name, None)
            problems[name] = str(error)
    return Checked(values, problems, tuple(name for name in declared if name not in hand_in))


def _unasked(task: Task, names: Sequence[object]) -> dict[str, str]:
    """Return what is wrong with fields that nobody asked for; a file may name any number of them."""
    known = ", ".join(field.name for field in task.fields)
    shown = [str(name)[:_LONGEST_NAME] for name in names[:_MOST_UNASKED]]
    problems = {name: f"{task.id} does not ask for {name!r}. It asks for: {known}." for name in shown}
    if more := len(names) - len(shown):
        problems["…"] = f"{task.id} does not ask for {more} more fields that were handed in."
    return problems


def _refuse(field: HandInField, wanted: str, got: object) -> InvalidInputError:
    return InvalidInputError(f"expected {field.name} as {wanted}, got {got}")


def _tensor(field: HandInField, facts: Mapping[str, Any], value: Any) -> Tensor:
    import torch

    # A subclass may answer as it likes; what is kept is a plain copy.
    if type(value) is not torch.Tensor or value.layout is not torch.strided or value.is_quantized:
        raise _refuse(field, "a plain tensor", f"{type(value).__name__}: use torch.as_tensor({field.name})")
    wanted = getattr(torch, field.dtype)
    if value.dtype != wanted:
        raise _refuse(field, f"a tensor of {wanted}", f"{value.dtype}: use {field.name}.to({wanted})")
    _shape(field, facts, tuple(value.shape))
    copy = value.detach().to("cpu", copy=True).contiguous()
    _range(field, copy)
    return copy


def _shape(field: HandInField, facts: Mapping[str, Any], got: tuple[int, ...]) -> None:
    dims = facts.get("dims", {})
    wanted = [dims.get(size, size) if isinstance(size, str) else size for size in field.shape]
    fits = len(got) == len(wanted) and all(
        has <= field.most if isinstance(size, str) else has == size
        for has, size in zip(got, wanted, strict=True)
    )
    if not fits:
        shown = ", ".join(map(str, wanted))
        free = [size for size in wanted if isinstance(size, str)]
        most = f" ({', '.join(free)}: at most {field.most})" if free else ""
        raise _refuse(field, f"a tensor of shape ({shown}){most}", f"shape {got}")
    if math.prod(got) > MOST_VALUES:
        raise _refuse(field, f"at most {MOST_VALUES:,} values", f"{math.prod(got):,}")


def _range(field: HandInField, value: Tensor) -> None:
    import torch

    if value.is_floating_point() and not bool(torch.isfinite(value).all()):
        count = int((~torch.isfinite(value)).sum())
        raise _refuse(field, "a tensor without NaN or infinity", f"{count} of them")
    if value.dtype == torch.bool or value.numel() == 0:
        return
    lowest, highest = value.min().item(), value.max().item()
    if _outside(field, lowest) or _outside(field, highest):
        raise _refuse(field, f"values {limits_of(field)}", f"{lowest:.9g} to {highest:.9g}")


def _outside(field: HandInField, value: float) -> bool:
    low, high = field.low, field.high
    if field.dtype == "float32" and field.kind == "tensor":
        # A limit such as 0.1 is rounded as the values of the tensor are.
        low, high = (None if each is None else _single(each) for each in (low, high))
    return (low is not None and value < low) or (high is not None and value > high)


def _single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def limits_of(field: HandInField) -> str:
    """Return the limits of a field in words; empty where there are none."""
    low = "" if field.low is None else f"from {field.low:g}"
    return f"{low} {'up' if field.high is None else f'to {field.high:g}'}".strip()


def _inside(
    field: HandInField,
    budget: Budget,
    facts: Mapping[str, Any],
    value: Tensor,
    tensors: Mapping[str, Tensor],
) -> None:
    from labkit.core.threat import ROUNDING, Norm

    epsilon = facts[budget.epsilon] if isinstance(budget.epsilon, str) else budget.epsilon
    around = tensors.get(budget.around)
    if around is None or around.shape != value.shape:
        raise InvalidInputError(f"{field.name} cannot be held against {budget.around!r} of the materials")
    size = Norm(budget.norm).size((value - around).double())
    beyond = size > float(epsilon) + ROUNDING * max(1.0, float(epsilon))
    if bool(beyond.any()):
        raise InvalidInputError(
            f"expected {field.name} within {float(epsilon):g} ({budget.norm}) of the issued {budget.around}, "
            f"got {int(beyond.sum())} of {len(size)} beyond it, the first at {int(beyond.nonzero()[0])}; the "
            f"farthest is {float(size.max()):.6g}. Bring them back, or leave them as they were issued"
        )


def _model(field: HandInField, facts: Mapping[str, Any], value: Any) -> dict[str, Tensor]:
    import torch

    from labkit.exams.issued import architecture_of, build_module

    if not isinstance(value, Mapping):
        raise _refuse(field, "a state dict", f"{type(value).__name__}: use model.state_dict()")
    fresh = build_module(architecture_of(facts, field.architecture)).state_dict()
    if lost := [name for name in fresh if name not in value]:
        raise _refuse(field, f"a state dict of {len(fresh)} tensors", f"one without {', '.join(lost[:3])}")
    if more := [str(name) for name in value if name not in fresh]:
        raise _refuse(field, f"a state dict of {len(fresh)} tensors", f"also {', '.join(more[:3])}")
    kept = {}
    for name, like in fresh.items():
        part = HandInField(
            f"{field.name}[{name!r}]", "tensor", "", str(like.dtype).removeprefix("torch."), tuple(like.shape)
        )
        kept[name] = _tensor(part, {}, value[name])
    if sum(each.numel() for each in kept.values()) > MOST_VALUES:
        raise _refuse(field, f"a model of at most {MOST_VALUES:,} values", "more")
    counts = [each for each in kept.values() if each.dtype == torch.int64]
    if any(bool((each < 0).any()) for each in counts):
        raise _refuse(field, "a model with counters from 0 up", "a negative one")
    return kept


def _number(field: HandInField, facts: Mapping[str, Any], value: Any) -> float | int:
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if type(value) not in (int, float) or not math.isfinite(value):
        raise _refuse(field, "a finite number", repr(value)[:60])
    if field.dtype == "int64" and value != int(value):
        raise _refuse(field, "a whole number", value)
    if _outside(field, value):
        raise _refuse(field, f"a number {limits_of(field)}", value)
    return int(value) if field.dtype == "int64" else float(value)


def options_of(field: HandInField, facts: Mapping[str, Any]) -> Sequence[str]:
    """Return the options of a field: its own, or those that were issued."""
    if field.options:
        return field.options
    listed = facts.get(field.options_from)
    if not isinstance(listed, Sequence | Mapping) or isinstance(listed, str):
        raise InvalidInputError(f"the options of {field.name} were not issued: {field.options_from!r}")
    return [str(each["id"]) if isinstance(each, Mapping) else str(each) for each in listed]


def _choice(field: HandInField, facts: Mapping[str, Any], value: Any) -> str:
    known = options_of(field, facts)
    if type(value) is not str or value not in known:
        raise _refuse(field, f"one of {_few(known)}", repr(value)[:60])
    return value


def _choices(field: HandInField, facts: Mapping[str, Any], value: Any) -> list[str]:
    known = options_of(field, facts)
    if not isinstance(value, list | tuple | set | frozenset):
        raise _refuse(field, f'a list such as ["{known[0]}"], out of {_few(known)}', repr(value)[:60])
    if len(value) > field.most:
        raise _refuse(field, f"at most {field.most} options", len(value))
    if wrong := [each for each in value if type(each) is not str or each not in known]:
        raise _refuse(field, f"options out of {_few(known)}", repr(wrong[0])[:60])
    if len(set(value)) != len(value):
        raise _refuse(field, "options that differ", "one of them twice")
    return [each for each in known if each in value]


def _few(known: Sequence[str]) -> str:
    return ", ".join(map(repr, known[:12])) + (f" and {len(known) - 12} more" if len(known) > 12 else "")


def _text(field: HandInField, facts: Mapping[str, Any], value: Any) -> str:
    if type(value) is not str:
        raise _refuse(field, "a text", type(value).__name__)
    if len(value) > field.longest:
        raise _refuse(field, f"a text of at most {field.longest} characters", len(value))
    if any(unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t" for each in value):
        raise _refuse(field, "plain text", "control characters")
    return value


def _table(field: HandInField, facts: Mapping[str, Any], value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list | tuple):
        raise _refuse(field, "a list of rows", type(value).__name__)
    if len(value) > field.most:
        raise _refuse(field, f"at most {field.most} rows", len(value))
    columns, rows = field.columns, []
    names = [column.name for column in columns]
    for number, row in enumerate(value, start=1):
        if not isinstance(row, Mapping) or sorted(map(str, row)) != sorted(names):
            raise _refuse(field, f"rows with the columns {', '.join(names)}", f"row {number}: {row!r:.80}")
        try:
            rows.append(
                {each.name: _CHECKS[each.kind](each, facts, row[each.name]) for each in field.columns}
            )
        except InvalidInputError as error:
            raise InvalidInputError(f"{field.name}, row {number}: {error}") from None
    return rows


_CHECKS: dict[str, Callable[[HandInField, Mapping[str, Any], Any], Any]] = {
    "tensor": _tensor,
    "model": _model,
    "number": _number,
    "choice": _choice,
    "choices": _choices,
    "text": _text,
    "table": _table,
}
