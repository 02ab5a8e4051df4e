"""Does everything work here?  A few checks that a newcomer sees on the first page."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Callable

from labkit.core import LabkitError
from labkit.core.paths import data_dir, ensure_dir
from labkit.ui.html import Fragment, badge, card, escape

__all__ = ["checks", "installation_card"]

Finding = tuple[bool, str]


def checks() -> list[tuple[str, Callable[[], Finding]]]:
    """Return what is checked: a name, and a function that says whether it is in order, and what to do."""
    return [
        ("Python", _python),
        ("Torch computes gradients", _torch),
        ("Data sets are complete", _data),
        ("Progress can be kept", _storage),
        ("Widgets", _widgets),
    ]


def installation_card() -> Fragment:
    """Run every check and return the findings as a card."""
    lines, texts = [], []
    for name, check in checks():
        good, words = _run(check)
        lines.append(
            f"<li>{badge('good', 'in order') if good else badge('bad', 'needs attention')} "
            f"<strong>{escape(name)}</strong>: {escape(words)}</li>"
        )
        texts.append(f"{name}: {'in order' if good else 'needs attention'}: {words}")
    more = "<p>In a terminal, <code>labkit doctor</code> looks further and says how to mend things.</p>"
    markup = card("Your installation", f"<ul>{''.join(lines)}</ul>{more}")
    return Fragment(markup, "\n".join(texts))


def _run(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except LabkitError as error:
        return False, str(error)
    except Exception as error:
        return False, f"{type(error).__name__}: {error}. Install labkit again, or run labkit doctor."


def _python() -> Finding:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    return good, f"version {version}" + ("" if good else "; labkit needs 3.11 or newer")


def _torch() -> Finding:
    import torch

    start = time.perf_counter()
    x = torch.ones(64, 64, requires_grad=True)
    (gradient,) = torch.autograd.grad((x @ x).sum(), x)
    took = 1000 * (time.perf_counter() - start)
    good = bool(gradient.isfinite().all())
    return good, f"version {torch.__version__}, a small gradient took {took:.0f} ms"


def _data() -> Finding:
    from labkit import data

    split = data.load("digits").test
    return True, f"digits: {len(split.x)} pictures to test on, with the digest that the card declares"


def _storage() -> Finding:
    folder = ensure_dir(data_dir())
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"labkit")
    except OSError as error:
        return (
            False,
            f"cannot write to {folder}: {error.strerror}. Set LABKIT_HOME to a folder you can write to.",
        )
    return True, "your progress is kept on this machine, outside the notebook"


def _widgets() -> Finding:
    import ipywidgets

    return True, f"ipywidgets {ipywidgets.__version__}; if you see buttons and sliders below, they work"
