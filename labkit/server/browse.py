"""Open a browser at an address, and keep a token in it off every command line.

Whoever is on the machine can read the command lines of all that runs there.  So a browser is
given a file that only this user can read and that leads on, as Jupyter Server does.
"""

from __future__ import annotations

import atexit
import html
import os
import tempfile
import threading
import webbrowser
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from labkit.core.paths import ensure_dir

__all__ = ["open_address"]

_SECONDS = 60.0  # a browser that starts slowly has read the file by then
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>AI security lab</title>
<meta http-equiv="refresh" content="0; url={address}"></head>
<body><p><a href="{address}">To the lab</a></p></body></html>
"""


def open_address(address: str, folder: Path) -> None:
    """Open a browser; where there is none, nothing happens.

    Parameters
    ----------
    address : str
    folder : Path
        Where the file that leads on is kept for a minute, when the address holds a token.
    """
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(_leading_to(address, folder) if urlsplit(address).query else address)


def _leading_to(address: str, folder: Path) -> str:
    # mkstemp makes it readable for this user only.
    descriptor, name = tempfile.mkstemp(prefix="open-", suffix=".html", dir=ensure_dir(folder))
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(_PAGE.format(address=html.escape(address, quote=True)))
    path = Path(name)

    def remove() -> None:
        with suppress(OSError):
            path.unlink(missing_ok=True)

    atexit.register(remove)
    timer = threading.Timer(_SECONDS, remove)
    timer.daemon = True
    timer.start()
    return path.as_uri()
