"""Run somebody else's code with nothing to take and nowhere to go (Linux, by bubblewrap).

Inside there is Python, labkit and what is named; no network, no home, no other process, no key.
What is written lies in memory, up to a limit, and is gone afterwards.  The code runs as a user
without rights: the kernel does not hold root to a limit on processes.

References
----------
bubblewrap: https://github.com/containers/bubblewrap
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import labkit
from labkit.core.errors import LabkitError
from labkit.core.paths import content_dir

__all__ = ["Ended", "Sandbox", "SandboxError", "SandboxLimits", "self_test"]

HOME = "/home/candidate"
"""Where code starts inside, and the only place with room for its files."""

_FIRST_USER = 64_000  # numbers that Debian gives to nobody
_CONTENT = ("datasets", "exams")
_SAID = 1 << 20  # bytes that are kept of what it prints


class SandboxError(LabkitError):
    """There is no sandbox here that keeps its word: nothing was run."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What code may use.

    Attributes
    ----------
    seconds : float
        By the clock, and the same again of processor time for each process.
    memory : int
        Bytes of address space of each process.
    disk : int
        Bytes that may be written to each of the three places that can be written: its home, ``/tmp``
        and ``/dev/shm``.
    processes : int
        Processes and threads at once.
    """

    seconds: float = 300.0
    memory: int = 8 << 30
    disk: int = 512 << 20
    processes: int = 128


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its status (negative: killed by that signal), and the end of what it said."""

    status: int
    output: str
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A place to run code in.

    Attributes
    ----------
    limits : SandboxLimits
    shown : mapping of str to Path
        Path inside to a file or folder outside, which can be read there and not written.
    """

    limits: SandboxLimits = field(default_factory=SandboxLimits)
    shown: Mapping[str, Path] = field(default_factory=dict)

    def run(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Ended:
        """Run ``command`` and wait for its end; every process that it started ends with it.

        Raises
        ------
        SandboxError
            When there is no bubblewrap.
        """
        words = self._words(command, environment or {})
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603 - the point of this module
                words,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                close_fds=True,
                env={"PATH": "/usr/bin:/bin"},
            )
            timed_out = False
            try:
                process.wait(self.limits.seconds)
            except subprocess.TimeoutExpired:
                timed_out = True
            finally:
                # The first process inside goes with bubblewrap, and all others with it.
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            size = said.seek(0, os.SEEK_END)
            said.seek(max(0, size - _SAID))
            return Ended(process.returncode, said.read().decode(errors="replace"), timed_out)

    def _words(self, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        root = os.geteuid() == 0
        words = [_bwrap(), "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        words += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv"]
        words += ["--cap-drop", "ALL"]
        # As root it sets itself up, and gives every right away before the first line of foreign code.
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user"]
        words += ["--hostname", "exam", *_system()]
        size = str(self.limits.disk)
        for folder in ("/tmp", "/dev/shm", HOME):  # noqa: S108 - inside
            words += ["--perms", "1777", "--size", size, "--tmpfs", folder]
        # Where bubblewrap is not root its /dev belongs to the code inside, and has no limit.
        words += ["--remount-ro", "/dev"]
        for inside, outside in {**_python(), **self.shown}.items():
            words += [*_parents(inside), "--ro-bind", str(outside), inside]
        words += ["--remount-ro", "/", "--chdir", HOME]
        for name, value in {**_environment(), **environment}.items():
            words += ["--setenv", name, value]
        words += ["--", *self._lowered(root), *command]
        return words

    def _lowered(self, root: bool) -> list[str]:
        """Return the words that give rights away and set limits, before the command."""
        limits = self.limits
        lowered = []
        if root:
            user = str(_FIRST_USER + os.getpid() % 1000)
            lowered = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
            lowered += ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
        seconds = max(1, round(limits.seconds))
        return [
            *lowered,
            "prlimit",
            f"--as={limits.memory}",
            f"--cpu={seconds}:{seconds + 5}",
            f"--fsize={limits.disk}",
            f"--nproc={limits.processes}",
            "--core=0",
            "--nofile=512",
            "--",
        ]


@functools.cache
def self_test() -> tuple[str, ...]:
    """Attack the sandbox from inside and return what it let through; empty when it holds.

    A code that tries the network, files of ours, more processes, memory, disk and time than it
    may have is run in it.  It is done once in a process.
    """
    from labkit.exams.reproduction.probing import probe

    try:
        return tuple(probe())
    except (SandboxError, OSError) as error:
        return (str(error),)


def insist() -> None:
    """Check that the sandbox holds.

    Raises
    ------
    SandboxError
        Naming what it let through, or what is missing.
    """
    if importlib.util.find_spec("nbval") is None:
        raise SandboxError("running notebooks again needs nbval: pip install 'labkit[reproduce]'")
    if problems := self_test():
        raise SandboxError(
            "no code of a candidate is run here, because the sandbox failed its self-test: "
            + "; ".join(problems)
        )


def _bwrap() -> str:
    if not sys.platform.startswith("linux"):
        raise SandboxError("the sandbox needs Linux")
    for program in ("bwrap", "prlimit", "setpriv"):
        if shutil.which(program, path="/usr/bin:/bin") is None:
            raise SandboxError(
                f"the sandbox needs the program {program}: apt-get install bubblewrap util-linux"
            )
    return shutil.which("bwrap", path="/usr/bin:/bin") or ""


def _system() -> list[str]:
    words = ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    for name in ("bin", "lib", "lib32", "lib64", "sbin"):
        place = Path("/") / name
        if place.is_symlink():
            words += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            words += ["--ro-bind", str(place), str(place)]
    for name in ("ld.so.cache", "localtime"):
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return words


def _python() -> dict[str, Path]:
    """Return where Python and labkit lie: inside as outside, because both know their own place."""
    package = Path(labkit.__file__).resolve().parent
    # Exams are shown as they ship: what an examiner keeps to himself lies elsewhere.
    content = [content_dir(kind).resolve() for kind in _CONTENT]
    places = [Path(sys.prefix), Path(sys.base_prefix), package, *content]
    kept = [place for place in places if not place.is_relative_to("/usr")]
    return {str(place): place for place in kept if place.is_dir()}


def _environment() -> dict[str, str]:
    package = Path(labkit.__file__).resolve().parent
    return {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": HOME,
        "LANG": "C.UTF-8",
        "LABKIT_HOME": f"{HOME}/.labkit",
        **{f"LABKIT_{kind.upper()}": str(content_dir(kind).resolve()) for kind in _CONTENT},
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(package.parent),
        "IPYTHONDIR": f"{HOME}/.ipython",
        "JUPYTER_RUNTIME_DIR": f"{HOME}/.runtime",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": f"{HOME}/.matplotlib",
    }


def _parents(inside: str) -> list[str]:
    """Return the words that make the folders above, which a user without rights has to pass."""
    return [
        word
        for folder in reversed(Path(inside).parents)
        if str(folder) != "/"
        for word in ("--perms", "0755", "--dir", str(folder))
    ]
