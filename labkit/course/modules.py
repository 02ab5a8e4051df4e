"""Load the Python files of a lab: ``case.py`` and ``bots.py``, by their path.

A lab is a folder of content, not a package, so its files are not on the import path.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType

from labkit.core.errors import DeclarationError
from labkit.course.lab import Lab

__all__ = ["load_module"]


def load_module(lab: Lab, name: str) -> ModuleType:
    """Return ``<lab folder>/<name>.py`` as a module; a file is loaded again when it changed.

    Raises
    ------
    DeclarationError
        When the file is missing.
    """
    path = lab.folder.resolve() / f"{name}.py"
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        raise DeclarationError(path, None, f"the lab {lab.id} needs the file {name}.py") from None
    key = re.sub(r"\W", "_", f"labkit_lab_{path.parent}_{name}")
    known = sys.modules.get(key)
    if known is not None and getattr(known, "__changed__", None) == changed:
        return known
    spec = importlib.util.spec_from_file_location(key, path)
    if spec is None or spec.loader is None:
        raise DeclarationError(path, None, "expected a Python file")
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__changed__"] = changed
    # Dataclasses and pickling look a module up by its name.
    sys.modules[key] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[key]
        raise
    return module
