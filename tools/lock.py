"""Write the locks: every version that is installed, with the hashes of its files.

Maintainers run it with ``make lock``; it needs uv.  Three files come out, none of which
names an address:

``locks/lab.txt``   what the lab needs to run
``locks/dev.txt``   what tests, checks and documentation need beside it
``locks/cuda.txt``  what torch needs beside it where its index build for Linux is installed,
                    which is made for graphics processors

torch is in the first with the hashes of all its builds of that version: those of the index,
and that of a smaller build without CUDA if ``UV_FIND_LINKS`` or ``PIP_FIND_LINKS`` points
to one.  So whoever has such a build uses it, and everybody else is served by the index.
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
    lab["torch"] = _with_local_builds(lab["torch"], folder)
    dev = {name: entry for name, entry in everything.items() if name not in lab and name not in cuda}
    for title, chosen in (("lab", lab), ("dev", dev), ("cuda", cuda)):
        text = "# Written by tools/lock.py (make lock); change pyproject.toml and write it again.\n"
        (LOCKS / f"{title}.txt").write_text(text + "".join(chosen[name] for name in sorted(chosen)))
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


def _with_local_builds(entry: str, folder: str) -> str:
    """Return the entry of torch with the hashes of builds of the same version in ``folder``."""
    version = re.search(r"==([0-9.]+)", entry)
    if not version:
        raise SystemExit("lock: torch has no plain version")
    lines = entry.rstrip("\n")
    for wheel in sorted(Path(folder).glob(f"torch-{version.group(1)}+*.whl")) if folder else []:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest not in lines:
            lines += f" \\\n    --hash=sha256:{digest}"
    return lines + "\n"


if __name__ == "__main__":
    sys.exit(main())
