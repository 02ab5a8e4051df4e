"""Where things are: the content that ships with labkit, and the user's own folders.

Content (``notebooks/``, ``datasets/``, ``exams/``) lies beside the package in a checkout and
inside it in a wheel; ``LABKIT_NOTEBOOKS``, ``LABKIT_DATASETS`` and ``LABKIT_EXAMS`` name folders
of one's own in their place.  A user's files lie where the operating system wants them, or all under
``LABKIT_HOME`` when that is set (a classroom, a test, a portable disk).
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from labkit.core.errors import StorageError

__all__ = ["cache_dir", "content_dir", "data_dir", "ensure_dir"]

_PACKAGE = Path(__file__).resolve().parent.parent


def content_dir(kind: str) -> Path:
    """Return the folder of one kind of content: ``notebooks``, ``datasets`` or ``exams``."""
    if own := os.environ.get(f"LABKIT_{kind.upper()}"):
        return Path(own).expanduser()
    beside = _PACKAGE.parent / kind
    return beside if beside.is_dir() else _PACKAGE / "_content" / kind


def data_dir() -> Path:
    """Return the folder for what a user makes: progress, hands-on copies, own data sets.

    ``LABKIT_DATA`` names it alone; a class has its own.
    """
    if own := os.environ.get("LABKIT_DATA"):
        return Path(own).expanduser()
    home = os.environ.get("LABKIT_HOME")
    return Path(home).expanduser() / "data" if home else platformdirs.user_data_path("labkit")


def cache_dir() -> Path:
    """Return the folder for what can be made again: trained victims, rendered data sets."""
    home = os.environ.get("LABKIT_HOME")
    return Path(home).expanduser() / "cache" if home else platformdirs.user_cache_path("labkit")


def ensure_dir(path: Path) -> Path:
    """Create ``path`` and its parents, readable by this user only, and return it.

    Raises
    ------
    StorageError
        When the disk is full, read-only, or the folder belongs to somebody else.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(
            f"cannot create the folder {path}: {error.strerror}. "
            "Free some space, or set LABKIT_HOME to a folder you can write to."
        ) from error
    return path
