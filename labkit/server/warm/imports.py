"""What every lab imports: done once, in the parent, before anything is forked."""

from __future__ import annotations

import importlib
import importlib.util
import io
import pkgutil
from collections.abc import Callable, Iterator

__all__ = ["import_all", "rehearse", "wanted"]

# What an IPython kernel takes from disk at its start, or with its first cells.
_KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.iostream",
    "ipykernel.displayhook",
    "ipykernel.comm",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "debugpy",
    "ipykernel.debugger",
    "ipywidgets",
    "jedi",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "PIL.PngImagePlugin",
    "concurrent.futures.process",
    "encodings.unicode_escape",
    "faulthandler",
    "pdb",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
)
_IF_INSTALLED = ("rich.console",)  # what a library uses where somebody else brought it along
_LIBRARIES = (
    "torch",
    "torch.nn.functional",
    "numpy",
    "captum.attr",
    "safetensors.torch",
    "torchattacks",
    "sklearn.datasets",
)
# The floors whose modules a lab may use; the rest belongs to the server and to the command line.
_FLOORS = (
    "core",
    "data",
    "models",
    "attacks",
    "defenses",
    "explain",
    "governance",
    "metrics",
    "evidence",
    "scoring",
    "course",
    "ui",
)


def wanted() -> Iterator[str]:
    """Return the names of the modules, those of ours last."""
    yield from _KERNEL
    yield from (name for name in _IF_INSTALLED if importlib.util.find_spec(name.partition(".")[0]))
    yield from _LIBRARIES
    for floor in _FLOORS:
        name = f"labkit.{floor}"
        if importlib.util.find_spec(name) is None:
            continue
        yield name
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}.", onerror=lambda _: None):
            if not found.name.endswith("__main__"):
                yield found.name


def import_all() -> list[str]:
    """Import them, and return those that could not be: a kernel then meets the error itself."""
    failed = []
    for name in wanted():
        try:
            importlib.import_module(name)
        except Exception:
            failed.append(name)
    return failed


def rehearse() -> list[str]:
    """Do once what every lab does first, so that its results are shared, and return what failed.

    Nothing here belongs to a participant: bundled declarations and data, an empty picture,
    a convolution of zeros.
    """
    failed = []
    for step in _STEPS:
        try:
            step()
        except Exception as error:
            failed.append(f"{step.__name__} ({error})")
    return failed


def _declarations() -> None:
    from labkit.course import labs

    labs()


def _data() -> None:
    from labkit import data
    from labkit.models import trained

    trained("cnn", data.load("digits"))


def _convolution() -> None:
    import torch

    with torch.no_grad():
        torch.nn.Conv2d(1, 2, 3)(torch.zeros(2, 1, 8, 8)).relu().sum()


def _picture() -> None:
    from matplotlib.figure import Figure
    from PIL import Image

    Image.init()
    figure = Figure()
    figure.subplots().set_title("0")
    for kind in ("png", "svg"):
        figure.savefig(io.BytesIO(), format=kind)


_STEPS: tuple[Callable[[], None], ...] = (_declarations, _data, _convolution, _picture)
