"""Install what the verification page is built from and credentials are tested with, outside of the checkout.

``python tools/node_packages.py`` runs ``npm ci`` in a cache folder under the lock's digest and prints where;
``python tools/node_packages.py --build`` also bundles the page's script into labkit/credentials/page.
Without node or npm nothing is installed, a line says so, and the tests that need it are skipped.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "verify_page"
PAGE = SOURCES.parents[1] / "labkit" / "credentials" / "page"


def packages_folder() -> Path:
    """Return where the packages of the lock lie or would lie."""
    lock = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()[:16]
    if own := os.environ.get("LABKIT_NODE"):
        return Path(own)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "labkit-node" / lock


def install() -> Path | None:
    """Install the locked packages where they are not there yet; None where that cannot be done."""
    folder, npm = packages_folder(), shutil.which("npm")
    if (folder / "complete").exists():
        return folder
    if npm is None or shutil.which("node") is None:
        print("node or npm is not here: credentials are not held against JavaScript implementations")
        return None
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / name, folder / name)
    # No package needs a script of its own to be installed, so none is run.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if subprocess.run(command, cwd=folder, check=False).returncode:  # noqa: S603
        print("npm could not install the packages: tests that need them are skipped")
        return None
    (folder / "complete").touch()
    return folder


def workshop(folder: Path) -> Path:
    """Lay the sources beside the installed packages, so that node finds these, and return where."""
    work = folder / "sources"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(SOURCES, work)
    return work


def main() -> int:
    """Install, and build where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", action="store_true", help="bundle the page's script")
    args = parser.parse_args()
    folder = install()
    if folder is None:
        return 1 if args.build else 0
    print(folder)
    if args.build:
        node = shutil.which("node") or "node"
        return subprocess.run([node, "build.mjs", str(PAGE)], cwd=workshop(folder), check=False).returncode  # noqa: S603
    return 0


if __name__ == "__main__":
    sys.exit(main())
