"""JSON and safetensors as a stranger wrote them: read to the letter, or refused with the reason."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from labkit.core.errors import DataFormatError

__all__ = ["read_json", "read_json_lines", "read_tensors", "tensor_header"]

_DEEPEST = 32
_LONGEST_NUMBER = 40  # digits; a double needs 17
_HEADER_BYTES = 1 << 18
_MOST_TENSORS = 1024
_MOST_AXES = 8

# Bytes of one element, for each type that a hand-in may use.
_SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "F32": 4, "I64": 8, "F64": 8,
}  # fmt: skip

# What is sometimes handed in where tensors belong: to name it helps an honest candidate.
_KNOWN_STARTS = {
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"PK\x03\x04": "a zip, such as torch.save writes around a pickle",
    b"\x93NUMPY": "an array of NumPy",
    b"\x1f\x8b": "a gzip file",
    b"\x7fELF": "a program",
}

# Strings count as one step, so that a bracket inside one is no level; one that never ends goes to the
# end of the text at once, or the search would start again at each of its escaped quotes.
_STEP = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|[\[\]{}]', re.DOTALL)


def read_json(name: str, content: bytes, *, most: int = 1 << 21) -> Any:
    """Return the value of a JSON text in which nothing is doubled, endless or not a number.

    Parameters
    ----------
    name : str
        What it is called in the message.
    content : bytes
        UTF-8.
    most : int
        Bytes that it may have.

    Raises
    ------
    DataFormatError
        When it is too long, no UTF-8, nested deeper than 32 levels, names a member twice, holds
        NaN or an infinity (also one that comes of ``1e999``), a number of more than 40 digits, or
        half of a surrogate pair; or when it is no JSON.
    """
    if len(content) > most:
        raise DataFormatError(f"{name}: expected at most {most} bytes, got {len(content)}")
    _check_depth(name, content)
    try:
        text = content.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_members,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_short,
        )
        # Half a surrogate pair is a string that nobody can write down again.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise DataFormatError(f"{name}: no strict JSON: {str(error)[:200]}") from None
    return value


def read_json_lines(name: str, content: bytes, *, most: int, lines: int) -> list[Any]:
    """Return the values of a text with one JSON value in each line.

    Raises
    ------
    DataFormatError
        When it has more bytes or lines than are allowed, or a line is no strict JSON.
    """
    if len(content) > most or content.count(b"\n") > lines:
        raise DataFormatError(f"{name}: expected at most {most} bytes in {lines} lines")
    if content and not content.endswith(b"\n"):
        raise DataFormatError(f"{name}: the last line is cut off")
    given = content.split(b"\n")[:-1]
    return [read_json(f"{name}:{number}", line, most=1 << 18) for number, line in enumerate(given, start=1)]


def tensor_header(name: str, content: bytes) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return type and shape of each tensor of a safetensors file, after the file was checked.

    Raises
    ------
    DataFormatError
        When the header is no strict JSON or longer than 256 KiB, or the tensors do not fill the
        rest of the file without gap and overlap.

    References
    ----------
    The format: https://huggingface.co/docs/safetensors
    """
    for start, what in _KNOWN_STARTS.items():
        if content.startswith(start):
            raise DataFormatError(f"{name}: expected safetensors, got {what}; it was not opened")
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(_HEADER_BYTES, len(content) - 8):
        raise DataFormatError(
            f"{name}: no safetensors: a header of {size} bytes in a file of {len(content)}; "
            f"at most {_HEADER_BYTES} are read"
        )
    header = read_json(f"{name} (header)", content[8 : 8 + size], most=_HEADER_BYTES)
    if not isinstance(header, dict):
        raise DataFormatError(f"{name}: the header is no table of tensors")
    header.pop("__metadata__", None)
    if len(header) > _MOST_TENSORS:
        raise DataFormatError(f"{name}: expected at most {_MOST_TENSORS} tensors, got {len(header)}")
    spans, found = [], {}
    for key, entry in header.items():
        kind, shape, begin, end = _entry(name, key, entry)
        spans.append((begin, end, key))
        found[key] = (kind, shape)
    at = 0
    for begin, end, key in sorted(spans):
        if begin != at:
            raise DataFormatError(f"{name}: a gap or an overlap before the tensor {key[:60]!r}")
        at = end
    if at != len(content) - 8 - size:
        raise DataFormatError(f"{name}: {len(content) - 8 - size - at} bytes belong to no tensor")
    return found


def read_tensors(name: str, content: bytes) -> dict[str, Any]:
    """Return the tensors of a safetensors file by name, after :func:`tensor_header` let it pass.

    Raises
    ------
    DataFormatError
        As :func:`tensor_header` says.
    """
    tensor_header(name, content)
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise DataFormatError(f"{name}: {str(error)[:200]}") from None


def _entry(name: str, key: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Return type, shape, begin and end of one tensor."""
    problem = f"{name}: the tensor {key[:60]!r} is not described as safetensors asks"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"} or len(key) > 200:
        raise DataFormatError(problem)
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _SIZES:
        raise DataFormatError(f"{problem}: its type is {str(kind)[:20]!r}; known: {', '.join(_SIZES)}")
    whole = all(
        isinstance(each, list) and all(type(number) is int and 0 <= number < 1 << 40 for number in each)
        for each in (shape, offsets)
    )
    if not whole or len(offsets) != 2 or len(shape) > _MOST_AXES:
        raise DataFormatError(problem)
    begin, end = offsets
    if end - begin != math.prod(shape) * _SIZES[kind]:
        raise DataFormatError(f"{problem}: shape and type ask for another number of bytes")
    return kind, tuple(shape), begin, end


def _check_depth(name: str, content: bytes) -> None:
    """Refuse what is nested too deep before a parser goes down into it."""
    depth = 0
    for step in _STEP.finditer(content):
        mark = step.group()
        depth += (mark in b"[{") - (mark in b"]}") if len(mark) == 1 else 0
        if depth > _DEEPEST:
            raise DataFormatError(f"{name}: nested deeper than {_DEEPEST} levels")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the member {name[:60]!r} stands twice")
        members[name] = value
    return members


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large or too long")
    return number


def _short(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"the number {text[:20]}... is too long")
    return int(text)
