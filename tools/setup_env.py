"""Make the environment and do one thing in it: ``python tools/setup_env.py lab`` or ``... test``.

It needs nothing but Python 3.11 or newer.  What it installs stands in ``locks/`` with
hashes; an interrupted installation is taken up again, a finished one is not repeated.
This file keeps to old syntax, so that an old Python can say what is wrong.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(BIN, "python.exe" if os.name == "nt" else "python")
NEWEST_TRIED = (3, 13)

# What can be asked for: the locks it needs, and the command (in the environment).
TASKS = {
    "setup": (["lab"], None),
    "lab": (["lab"], ["-m", "labkit.cli", "lab"]),
    "doctor": (["lab"], ["-m", "labkit.cli", "doctor"]),
    "test": (["lab", "dev"], ["-m", "pytest"]),
    "dev": (["lab", "dev"], None),
}


def main(arguments):
    """Set up what the task needs, then become its command."""
    if not arguments or arguments[0] not in TASKS:
        print("usage: python tools/setup_env.py {} [arguments]".format("|".join(TASKS)))
        return 2
    if sys.version_info < (3, 11):
        found = newer_python()
        if found is None:
            print(
                "labkit: needs Python 3.11 or newer, and this is {}. Install one from your system or from "
                "python.org and start again, for example with: python3.11 tools/setup_env.py {}".format(
                    platform.python_version(), arguments[0]
                )
            )
            return 1
        return subprocess.call([found, os.path.abspath(__file__)] + arguments)
    locks, command = TASKS[arguments[0]]
    try:
        prepare(locks)
    except subprocess.CalledProcessError as error:
        print(
            "\nlabkit: the installation stopped (status {}). What was there is kept; start the same command "
            "again to go on. Without a network only what was downloaded before can be used.".format(
                error.returncode
            )
        )
        return 1
    if command is None:
        return 0
    return run([PYTHON] + command + arguments[1:])


def newer_python():
    """Return the newest Python on the path that will do, or None."""
    for minor in range(NEWEST_TRIED[1], 10, -1):
        found = shutil.which("python3.{}".format(minor))
        if found:
            return found
    return None


def prepare(locks):
    """Bring the environment to what ``locks`` say."""
    wanted = digest(locks)
    stamp = os.path.join(VENV, "labkit-{}.stamp".format("-".join(locks)))
    if os.path.exists(PYTHON) and read(stamp) == wanted:
        return
    started = time.time()
    if not works():
        make_venv()
    say("installing {} (the first time this takes some minutes)".format(" and ".join(locks)))
    for lock in locks:
        pip("--require-hashes", "-r", os.path.join(ROOT, "locks", lock + ".txt"))
    if needs_cuda():
        say("this build of torch needs CUDA's libraries beside it")
        pip("--require-hashes", "-r", os.path.join(ROOT, "locks", "cuda.txt"))
    pip("--no-build-isolation", "--no-index", "--quiet", "--editable", ROOT)
    # The stamp comes last: whatever stops us before, the next start begins again here.
    with open(stamp, "w") as file:
        file.write(wanted)
    say("ready after {:.0f} s".format(time.time() - started))


def digest(locks):
    """Return what decides whether the environment is up to date."""
    total = hashlib.sha256(sys.version.encode())
    names = [os.path.join("locks", lock + ".txt") for lock in locks + ["cuda"]] + ["pyproject.toml"]
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def works():
    """Whether there is an environment with a pip that answers."""
    if not os.path.exists(PYTHON):
        return False
    return (
        subprocess.call(
            [PYTHON, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        == 0
    )


def make_venv():
    """Make the environment anew."""
    say("making the environment .venv")
    done = subprocess.call([sys.executable, "-m", "venv", "--clear", VENV])
    if done != 0:
        print(
            "labkit: Python could not make an environment. On Debian and Ubuntu install the package "
            "python{}.{}-venv; elsewhere reinstall Python with pip and venv.".format(*sys.version_info[:2])
        )
        raise SystemExit(1)


def needs_cuda():
    """Whether the torch that was installed asks for libraries that only the CUDA lock has."""
    if not sys.platform.startswith("linux"):
        return False
    question = (
        "from importlib.metadata import version, requires\n"
        "print('+cpu' not in version('torch') and any('nvidia' in r or 'cuda' in r for r in requires('torch') or []))"
    )
    return subprocess.check_output([PYTHON, "-c", question]).decode().strip() == "True"


def pip(*arguments):
    """Run pip's install in the environment; nothing that is not named is installed."""
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    subprocess.check_call(
        [PYTHON, "-m", "pip", "install", "--no-deps", "--progress-bar", "on"] + list(arguments),
        env=environment,
    )


def run(command):
    """Run ``command`` in place of this process, or wait for it where that cannot be."""
    environment = dict(os.environ, VIRTUAL_ENV=VENV, PATH=BIN + os.pathsep + os.environ.get("PATH", ""))
    os.chdir(ROOT)
    if os.name == "nt":
        return subprocess.call(command, env=environment)
    sys.stdout.flush()
    os.execve(command[0], command, environment)
    return 0


def read(path):
    """Return the text of a file, or None."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def say(message):
    """Tell what happens."""
    print("labkit: " + message, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
