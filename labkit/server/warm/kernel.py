"""ipykernel's application and kernel, started without going through all that was imported.

Whatever a forked process so much as looks at is copied for it: Python counts references in the
objects themselves.  Two steps of an ordinary start look at every module and at every option;
they take 20 MB of a kernel's own.  Here the first is done once, by the parent, and the second
only where an option needs it.
"""

from __future__ import annotations

import sys
from typing import Any

from ipykernel import ipkernel
from ipykernel.kernelapp import IPKernelApp
from traitlets.config.loader import Config, DeferredConfigString

__all__ = ["PatientApplication", "WarmApplication", "WarmKernel", "list_modules"]

_files: list[str] = []
_GRACE = 2.0  # seconds
_SHORT = {"-f": "IPKernelApp.connection_file", "--log-level": "Application.log_level"}


def list_modules() -> None:
    """Take down the files of all modules; the parent does that before it forks."""
    modules = list(sys.modules.values())
    _files[:] = [each.__file__ for each in modules if getattr(each, "__file__", None)]  # type: ignore[misc]


class _NoModules:
    """``sys``, as if nothing had been imported."""

    modules: dict[str, object] = {}  # noqa: RUF012 - as in sys

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


class WarmKernel(ipkernel.IPythonKernel):
    """Takes the files that a debugger steps over from the list that the parent made."""

    def __init__(self, **kwargs: Any) -> None:
        ours: Any = ipkernel
        ours.sys = _NoModules()
        try:
            super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        finally:
            ours.sys = sys
        self._kernel_modules = _files
        debugger = getattr(self, "debugger", None)
        if debugger is not None:
            debugger.kernel_modules = _files


class PatientApplication(IPKernelApp):
    """Lets the control thread finish what it says before anything is closed.

    ipykernel 7.4 ends the thread that takes output first.  One in six of its kernels then has a
    control thread that waits for ever to say that it is idle, and has to be killed to end; now
    and then one leaves a traceback.
    """

    # ipykernel's own name, so that what is set for the one holds for the other.
    name = "ipython-kernel"

    def init_path(self) -> None:
        """Let cells find what lies in their folder, behind Python's own; IPython does not after ``-P``."""
        if not (self.ignore_cwd or "" in sys.path):
            installed = (place for place, path in enumerate(sys.path) if path.endswith("-packages"))
            sys.path.insert(next(installed, 0), "")

    def start(self) -> None:
        """Run until the kernel is shut down."""
        super().start()  # type: ignore[no-untyped-call]
        control = self.control_thread
        if control is not None and control.is_alive():
            control.stop()
            control.join(timeout=_GRACE)


class WarmApplication(PatientApplication):
    """Reads ``-f FILE`` and ``--Class.option=value`` itself, and leaves any other command line alone."""

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Set what the command line says."""
        read = _read(argv or [])
        if read is None:
            super().parse_command_line(argv)
            return
        self.cli_config = read
        self.update_config(read)
        self.extra_args = []


def _read(argv: list[str]) -> Config | None:
    """Return what a plain command line sets; None for one that needs the whole parser."""
    config, rest = Config(), list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "-f" and rest:
            name, value = word, rest.pop(0)
        elif not equals:
            return None
        section, _, option = _SHORT.get(name, name.removeprefix("--")).partition(".")
        if not (section.isidentifier() and option.isidentifier()):
            return None
        config[section][option] = DeferredConfigString(value)
    return config
