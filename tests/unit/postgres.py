"""A PostgreSQL server of one's own, for as long as a test needs it."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


def _program(name):
    """Return where a program of the server is; distributions keep them off the path."""
    found = shutil.which(name)
    others = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found or (str(others[-1]) if others else None)


def _user():
    """Return an account for the server, which refuses to run as root; None to stay who we are."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no account postgres or nobody here")
    return None


def _free_port():
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


@contextmanager
def postgres_server():
    """Yield the address of a running server, without a database's name; skip where there is none."""
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None:
        pytest.skip("PostgreSQL is not installed here")
    user = _user()
    # Not below pytest's folder, which other accounts cannot enter.
    folder = Path(tempfile.mkdtemp(prefix="labkit-pg-"))
    as_user = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "cwd": folder, "env": {"LC_ALL": "C"}}
    log = (folder / "log").open("wb")
    try:
        subprocess.run(
            [initdb, "-D", folder / "data", "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            stderr=log,
            **quiet,
            **as_user,
        )
        port = _free_port()
        options = [word for setting in _SETTINGS for word in ("-c", setting)]
        process = subprocess.Popen(
            [server, "-D", folder / "data", "-k", folder, "-h", "127.0.0.1", "-p", str(port), *options],
            stderr=log,
            **quiet,
            **as_user,
        )
        try:
            _wait(process, port, folder / "log")
            yield f"postgresql://owner@127.0.0.1:{port}"
        finally:
            # At once: what it holds is thrown away.
            process.send_signal(signal.SIGQUIT)
            process.wait(30)
    finally:
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process, port, log):
    import psycopg

    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text(errors='replace')}")
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="owner", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not answer within a minute")
