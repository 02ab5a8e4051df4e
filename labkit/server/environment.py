"""What the server and its kernels inherit: our folders, one thread, nobody else's configuration."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
import uuid
from pathlib import Path

from labkit.core.machine import thread_environment
from labkit.core.paths import cache_dir, data_dir, ensure_dir

__all__ = ["kernel_transport", "prepare_environment"]

_JUPYTER = Path(__file__).parent / "jupyter"
_LONGEST_SOCKET = 107  # bytes of a socket's path on Linux
# Parts of JupyterLab that ask for something which is not here, or not on this machine.
_LEFT_OUT = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/fileeditor-extension:language-server",
    "@jupyterlab/lsp-extension",
    "@jupyterlab/notebook-extension:language-server",
)


def prepare_environment() -> None:
    """Set the environment of this process and of the kernels that it starts.

    A participant's own settings of Jupyter and IPython, and those of the machine, are left
    alone and not read: they can neither break the lab nor open it.  What JupyterLab lets one
    choose (its theme, its shortcuts) is kept among the user's data of labkit.
    """
    known = os.environ.get("JUPYTER_PATH")
    own = data_dir() / "jupyter"
    os.environ.update(
        {
            "JUPYTER_PATH": os.pathsep.join([str(_JUPYTER), *([known] if known else [])]),
            "JUPYTER_NO_CONFIG": "1",
            "JUPYTERLAB_SETTINGS_DIR": str(ensure_dir(own / "settings")),
            "JUPYTERLAB_WORKSPACES_DIR": str(ensure_dir(own / "workspaces")),
            "JUPYTER_RUNTIME_DIR": str(_runtime(own / "runtime")),
            "IPYTHONDIR": str(ensure_dir(cache_dir() / "ipython")),
            **thread_environment(),
        }
    )
    _choose_extensions()
    # The debugger's warning about frozen modules is nothing a participant can act on.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")


def kernel_transport() -> str:
    """Return how the server talks to its kernels: files where the system has them, else ports.

    A port that was found free may be taken before the kernel listens on it; with twenty kernels
    that start at once it is, now and then.  A file is the kernel's own, and nobody else's to open.
    """
    runtime = os.environ.get("JUPYTER_RUNTIME_DIR", "")
    return "ipc" if sys.platform == "linux" and runtime and _fits(Path(runtime)) else "tcp"


def _runtime(usual: Path) -> Path:
    """Return the folder of the kernels' sockets, elsewhere where the usual one has too long a name."""
    if sys.platform != "linux" or _fits(usual):
        return ensure_dir(usual)
    short = Path(tempfile.mkdtemp(prefix="labkit-"))
    atexit.register(shutil.rmtree, short, ignore_errors=True)
    return short if _fits(short) else ensure_dir(usual)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) + len(f"/kernel-{uuid.UUID(int=0)}-ipc-5") <= _LONGEST_SOCKET


def _choose_extensions() -> None:
    """Tell JupyterLab, in the empty configuration that it was given, what to leave out."""
    from jupyter_core.paths import jupyter_config_dir

    folder = Path(jupyter_config_dir())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = folder / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"disabledExtensions": dict.fromkeys(_LEFT_OUT, True)}), encoding="utf-8")
