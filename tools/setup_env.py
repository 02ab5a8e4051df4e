"""Make the environment and do one thing in it: ``python tools/setup_env.py lab`` or ``... test``.

It needs nothing but Python 3.11 or newer.  What it installs stands in ``locks/`` with
hashes.  An interrupted installation is repaired and taken up again, a finished one is not
repeated, and then no network is needed.  This file keeps to old syntax, so that an old
Python can say what is wrong.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(BIN, "python.exe" if os.name == "nt" else "python")
# torch has builds for these.
OLDEST, NEWEST = (3, 11), (3, 14)

ELSEWHERE = "Otherwise let another machine serve the lab, as docs/how-to/classroom.md says."

# What can be asked for: the locks it needs, and the command (in the environment).
TASKS = {
    "setup": (["lab"], None),
    "lab": (["lab"], ["-m", "labkit.cli", "lab"]),
    "doctor": (["lab"], ["-m", "labkit.cli", "doctor"]),
    "test": (["lab", "dev"], ["-m", "pytest"]),
    "dev": (["lab", "dev"], None),
    "here": (["lab"], None),  # no .venv: into the Python that runs this (a container, Binder)
}

# Run in the environment: forget every package that is not there as a whole, so that pip installs it again.
REPAIR = """
import importlib.metadata as m, pathlib, shutil
for found in m.distributions():
    folder = getattr(found, "_path", None)
    if folder is None or pathlib.Path(folder).suffix != ".dist-info":
        continue
    files = found.files if (folder / "RECORD").is_file() else None
    def whole(file):
        path = pathlib.Path(file.locate())
        return path.is_file() and (file.size is None or path.stat().st_size == file.size)
    if not files or not all(whole(file) for file in files if file.suffix != ".pyc"):
        print("labkit: repairing " + folder.name)
        shutil.rmtree(folder)
print("repaired")
"""

CUDA = """
from importlib.metadata import requires, version
asks = any(wanted.startswith(("nvidia", "cuda")) for wanted in requires("torch") or [])
print(asks and "+cpu" not in version("torch"))
"""


def main(arguments):
    """Set up what the task needs, then become its command."""
    if not arguments or arguments[0] not in TASKS:
        say("usage: python tools/setup_env.py {} [arguments]".format("|".join(sorted(TASKS))))
        return 2
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return with_another_python(arguments)
    if unsupported():
        say(unsupported())
        return 1
    locks, command = TASKS[arguments[0]]
    try:
        if arguments[0] == "here":
            install(sys.executable, "lab")
        else:
            prepare(locks)
    except subprocess.CalledProcessError as error:
        say(
            "the installation stopped (status {}); the reason stands above. What was downloaded is kept: "
            "start the same command again to go on.".format(error.returncode)
        )
        return 1
    except KeyboardInterrupt:
        say("stopped; start the same command again to go on.")
        return 130
    if command is None:
        return 0
    return run([PYTHON] + command + arguments[1:])


def with_another_python(arguments):
    """Start again under a Python that will do, or say that there is none."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = "python3.{}".format(minor)
        if starts(found):
            return subprocess.call([found, os.path.abspath(__file__)] + arguments)
    say(
        "needs Python {}.{} to {}.{}, and this is {}. Install one from your system or from python.org and "
        "start again with it, for example: python3.12 tools/setup_env.py {}".format(
            OLDEST[0], OLDEST[1], NEWEST[0], NEWEST[1], platform.python_version(), arguments[0]
        )
    )
    return 1


def starts(found):
    """Whether a Python of that name can be started: a version manager may only offer the name."""
    try:
        asked = subprocess.Popen([found, "-c", "import ssl, venv"], stderr=subprocess.PIPE)
    except OSError:
        return False
    asked.communicate()
    return asked.returncode == 0


def unsupported():
    """Return why torch cannot be had for this Python on this machine, or an empty text."""
    if sys.maxsize < 2**32:
        return "this is a 32-bit Python, and torch is only built for 64 bits. Install a 64-bit Python."
    if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
        return "this Linux is built on musl, and torch is only built for glibc 2.28 or newer. " + ELSEWHERE
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return (
            "torch is no longer built for Intel Macs. If this Mac has an Apple chip, this Python runs "
            "translated: install one for arm64. " + ELSEWHERE
        )
    if sys.platform == "darwin" and int(platform.mac_ver()[0].split(".")[0] or 14) < 14:
        return "torch needs macOS 14 or newer, and this is {}. ".format(platform.mac_ver()[0]) + ELSEWHERE
    return ""


def prepare(locks):
    """Bring the environment to what ``locks`` say."""
    if os.path.exists(PYTHON) and all(read(stamp(lock)) == digest(lock) for lock in locks):
        return
    started = time.time()
    if not works():
        make_venv()
    ask(PYTHON, REPAIR)
    for lock in locks:
        if read(stamp(lock)) != digest(lock):
            say("installing what {} needs (the first time this takes some minutes)".format(lock))
            install(PYTHON, lock)
            # The stamp comes last: whatever stops us before, the next start begins again here.
            with open(stamp(lock), "w") as file:
                file.write(digest(lock))
    say("ready after {:.0f} s".format(time.time() - started))


def install(python, lock):
    """Install what a lock names; the first also brings torch in the build that is to be had, and labkit."""
    if lock == "lab" and sys.platform.startswith("linux"):
        # A folder that pip was told of may hold the small build; the index has only the one with CUDA.
        pip(python, "--no-index", "--require-hashes", "-r", lock_file("cpu"), must=False)
    pip(python, "--require-hashes", "-r", lock_file(lock))
    if lock != "lab":
        return
    if sys.platform.startswith("linux") and ask(python, CUDA) == "True":
        say("this build of torch needs CUDA's libraries beside it, which are large")
        pip(python, "--require-hashes", "-r", lock_file("cuda"))
    pip(python, "--no-build-isolation", "--no-index", "--quiet", "--editable", ROOT)


def lock_file(lock):
    """Return the path of a lock."""
    return os.path.join(ROOT, "locks", lock + ".txt")


def stamp(lock):
    """Return the file that says which state of a lock is installed."""
    return os.path.join(VENV, "labkit-{}.stamp".format(lock))


def digest(lock):
    """Return what decides whether a lock is installed: its text, ours, this Python and this folder."""
    total = hashlib.sha256((sys.version + ROOT).encode("utf-8", "surrogateescape"))
    for path in [lock_file(lock), lock_file("cuda"), lock_file("cpu"), os.path.join(ROOT, "pyproject.toml")]:
        with open(path, "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def works():
    """Whether there is an environment, made in this folder, with a pip that answers."""
    if not os.path.exists(PYTHON) or read(os.path.join(VENV, "labkit-folder")) != ROOT:
        return False
    asked = [PYTHON, "-m", "pip", "--version"]
    return subprocess.call(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def make_venv():
    """Make the environment anew."""
    say("making the environment .venv")
    if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV]) != 0:
        say(
            "Python could not make an environment. On Debian and Ubuntu install the package "
            "python{}.{}-venv; elsewhere reinstall Python with pip and venv.".format(*sys.version_info[:2])
        )
        raise SystemExit(1)
    with open(os.path.join(VENV, "labkit-folder"), "w") as file:
        file.write(ROOT)


def ask(python, code):
    """Run ``code`` in an environment, show what it says but for its last line, and return that."""
    lines = subprocess.check_output([python, "-I", "-c", code]).decode().splitlines()
    for line in lines[:-1]:
        print(line)
    return lines[-1] if lines else ""


def pip(python, *arguments, **options):
    """Run pip's install; nothing that is not named is installed."""
    # A user's own settings may say where packages come from, and not where they go to.
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    for setting in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_CONSTRAINT", "PIP_REQUIRE_HASHES"):
        environment.pop(setting, None)
    environment.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PIP_USER="0")
    command = [python, "-m", "pip", "install", "--no-deps", "--no-color", "--progress-bar", "off"]
    process = subprocess.Popen(
        command + list(arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, seen = [], 0
    for raw in process.stdout:
        said.append(raw.decode("utf-8", "replace").rstrip())
        doing = said[-1].strip().split(" (from")[0]
        seen += doing.startswith(("Collecting", "Processing", "Requirement already"))
        if doing.startswith(("Collecting", "Downloading", "Installing")):
            progress("{:4d}  {}".format(seen, doing), doing)
    progress("", "")
    if process.wait() != 0 and options.get("must", True):
        print("\n".join(said[-25:]))
        raise subprocess.CalledProcessError(process.returncode, command)


def progress(line, doing):
    """Show what pip is doing: in one line of a terminal, and elsewhere only what takes long."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r" + line[:width].ljust(width) + ("" if line else "\r"))
    elif doing.startswith("Installing") or (doing.startswith("Downloading") and big(doing)):
        print(line[:100])
    sys.stdout.flush()


def big(doing):
    """Whether a line about a download speaks of ten megabytes or more."""
    return doing.endswith(" MB)") and float(doing.split("(")[-1].split(" ")[0]) >= 10


def run(command):
    """Run ``command`` in place of this process, or wait for it where that cannot be."""
    environment = dict(os.environ, VIRTUAL_ENV=VENV, PATH=BIN + os.pathsep + os.environ.get("PATH", ""))
    os.chdir(ROOT)
    sys.stdout.flush()
    if os.name != "nt":
        os.execve(command[0], command, environment)  # noqa: S606
    try:
        return subprocess.call(command, env=environment)
    except KeyboardInterrupt:  # the command was told too, and has said what there was to say
        return 130


def read(path):
    """Return the text of a file, or None."""
    try:
        with open(path) as file:
            return file.read()
    except (IOError, OSError):
        return None


def say(message):
    """Tell what happens."""
    print("labkit: " + message)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
