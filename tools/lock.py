"""Write the locks: every version that is installed, with the hashes of its files.

Maintainers run it with ``make lock``; it needs uv.  Four files come out, none of which
names an address:

``locks/lab.txt``   what the lab needs to run
``locks/dev.txt``   what tests, checks and documentation need beside it
``locks/cuda.txt``  what torch needs beside it where its index build for Linux is installed,
                    which is made for graphics processors
``locks/cpu.txt``   builds of torch without CUDA, far smaller, that lay in a folder named by
                    ``PIP_FIND_LINKS`` or ``UV_FIND_LINKS`` when the lock was written

Whoever has one of those builds uses it, everybody else is served by the index.  It needs a
lock of its own: given the choice, pip prefers a file whose hash the index has announced.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
CUDA = re.compile(r"^(nvidia-|cuda-|triton\b)")
HEADER = "# Written by tools/lock.py (make lock); change pyproject.toml and write it again.\n"
NEVER = "sys_platform == 'never'"


def main() -> int:
    """Compile the locks and write them."""
    folder = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS") or ""
    lab, everything = _compile("build"), _compile("build", "dev")
    for name, entry in lab.items():
        if everything.get(name) != entry:
            print(f"lock: {name} differs between the lab and the development set", file=sys.stderr)
            return 1
    cuda = {name: entry for name, entry in everything.items() if CUDA.match(name)}
    lab = {name: entry for name, entry in lab.items() if name not in cuda}
    dev = {name: entry for name, entry in everything.items() if name not in lab and name not in cuda}
    cpu = _local_builds(lab["torch"], folder)
    for title, chosen in (("lab", lab), ("dev", dev), ("cuda", cuda), ("cpu", cpu)):
        lines = "".join(chosen[name] for name in sorted(chosen))
        (LOCKS / f"{title}.txt").write_text(HEADER + lines, encoding="utf-8")
        print(f"locks/{title}.txt: {len(chosen)} packages")
    return 0


def _compile(*extras: str) -> dict[str, str]:
    """Return the lines of each locked package by its name; a package may have several versions."""
    environment = {key: value for key, value in os.environ.items() if key != "UV_FIND_LINKS"}
    command = [
        "uv",
        "pip",
        "compile",
        "--universal",
        "--python-version=3.11",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
        "--no-emit-find-links",
        "--no-emit-index-url",
        "--quiet",
        *(f"--extra={extra}" for extra in extras),
        "pyproject.toml",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, str] = {}
    name = ""
    for line in done.stdout.splitlines(keepends=True):
        if match := re.match(r"([A-Za-z0-9._-]+)==", line):
            name = match.group(1)
        found[name] = found.get(name, "") + line
    return {name: entry for name, entry in found.items() if NEVER not in entry}


def _local_builds(entry: str, folder: str) -> dict[str, str]:
    """Return the entry of builds of the same torch in ``folder``, or those known before."""
    version = re.search(r"==([0-9.]+)", entry)
    if not version:
        raise SystemExit("lock: torch has no plain version")
    first = f"torch=={version.group(1)}+cpu"
    wheels = Path(folder).glob(f"{first.replace('==', '-')}-*.whl") if folder else []
    found = {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
    known = (LOCKS / "cpu.txt").read_text(encoding="utf-8") if (LOCKS / "cpu.txt").exists() else ""
    if first in known:
        found |= set(re.findall(r"sha256:([0-9a-f]{64})", known))
    return {
        "torch": " \\\n    ".join([first, *(f"--hash=sha256:{digest}" for digest in sorted(found))]) + "\n"
    }


if __name__ == "__main__":
    sys.exit(main())
