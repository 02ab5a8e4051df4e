"""The verification page: plain files that any web server can serve, with an implementation of its own.

``verify.js`` is built from ``tools/verify_page`` on @digitalbazaar/vc and shares no code with labkit's
verifier in Python, so that a mistake of one of the two shows as a disagreement.
"""

from __future__ import annotations

from pathlib import Path

from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir

__all__ = ["FILES", "write_page"]

FILES = ("index.html", "verify.css", "verify.js", "LICENSES.txt")


def write_page(folder: Path) -> list[str]:
    """Write the page into a folder and return the names of its files.

    Raises
    ------
    StorageError
        When the disk is full or read-only.
    """
    ensure_dir(folder)
    for name in FILES:
        write_whole(folder / name, (Path(__file__).parent / name).read_bytes())
    return list(FILES)
