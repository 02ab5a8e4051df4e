"""The one warm parent of this program, for provisioners that are made far from its start."""

from __future__ import annotations

import atexit
import logging
import os
import threading

from labkit.server.warm.keeper import Warmth, possible

__all__ = ["PROVISIONER", "register", "start", "stop", "warmth"]

PROVISIONER = "labkit-warm"
_CHOICE = "LABKIT_WARM"

_lock = threading.Lock()
_warmth: Warmth | None = None


def start(log: logging.Logger | None = None) -> Warmth | None:
    """Start the warm parent, once; None where kernels cannot be forked or ``LABKIT_WARM=no``."""
    global _warmth
    if not possible() or os.environ.get(_CHOICE, "").lower() in {"no", "0", "false", "off"}:
        return None
    with _lock:
        if _warmth is None:
            _warmth = Warmth(log or logging.getLogger(__name__))
            atexit.register(stop)
        return _warmth


def warmth() -> Warmth | None:
    """Return the warm parent of this program; with ``LABKIT_WARM=yes`` it is started on first use."""
    if _warmth is None and os.environ.get(_CHOICE, "").lower() in {"yes", "1", "true", "on"}:
        return start()
    return _warmth


def stop() -> None:
    """End the warm parent and every kernel that it forked."""
    global _warmth
    with _lock:
        ending, _warmth = _warmth, None
    if ending is not None:
        atexit.unregister(stop)
        ending.stop()


def register() -> None:
    """Make the provisioner known where labkit runs from a folder that was not installed anew."""
    from importlib.metadata import EntryPoint

    from jupyter_client.provisioning.factory import KernelProvisionerFactory as Factory

    value = "labkit.server.warm.provisioner:WarmProvisioner"
    Factory.provisioners.setdefault(PROVISIONER, EntryPoint(PROVISIONER, value, Factory.GROUP_NAME))
