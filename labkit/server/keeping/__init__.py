"""Look after the kernels of dashboards: pause idle ones, keep each within its share, say why one ended."""

from labkit.server.keeping.keeper import Keeper
from labkit.server.keeping.limits import Limits, room_limits
from labkit.server.keeping.machine import memory_left, memory_total
from labkit.server.keeping.report import KernelReport

__all__ = ["Keeper", "KernelReport", "Limits", "memory_left", "memory_total", "room_limits"]
