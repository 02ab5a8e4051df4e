"""A shell that runs the cells of a notebook and keeps what they show; there is no kernel around it."""

from __future__ import annotations

import atexit
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from labkit.core.errors import LabkitError
from labkit.server.replay.record import WIDGET, Output

__all__ = ["PlainShell", "RecordingShell", "shell"]


class _Publisher(DisplayPublisher):
    """Takes what a cell displays."""

    def publish(self, data: Any, metadata: Any = None, *_: Any, **__: Any) -> None:
        _sink.append({"output_type": "display_data", "data": data, "metadata": metadata or {}})


class _Hook(DisplayHook):
    """Takes the value of a cell's last line."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        _sink.append(
            {
                "output_type": "execute_result",
                "data": format_dict,
                "metadata": md_dict or {},
                "execution_count": None,
            }
        )

    def update_user_ns(self, result: Any) -> None:
        pass

    def log_output(self, format_dict: Any) -> None:
        pass


class RecordingShell(InteractiveShell):
    """A shell as a kernel has one, so that widgets are shown as in a kernel; there is no kernel yet."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)
    kernel = None


_sink: list[Output] = []


class PlainShell(RecordingShell):
    """A shell as a script has one: work is done at once, not in threads."""

    kernel = property()


@contextmanager
def shell(
    namespace: dict[str, Any], kind: type[RecordingShell] | None = None
) -> Iterator[Callable[[str], list[Output]]]:
    """Yield a function that runs a cell in ``namespace`` and returns its outputs."""
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.HistoryManager.hist_file = ":memory:"
    kept = sys.displayhook, sys.excepthook
    used = (kind or RecordingShell).instance(config=settings, user_ns=namespace)
    own = set(namespace)

    def run(source: str) -> list[Output]:
        _sink.clear()
        printed, complained = io.StringIO(), io.StringIO()
        with redirect_stdout(printed), redirect_stderr(complained):
            result = used.run_cell(source, store_history=False)  # type: ignore[no-untyped-call]
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise error if isinstance(error, LabkitError) else LabkitError(f"a cell failed: {error!r}")
        shown = [_bare(each) for each in _sink]
        if printed.getvalue():
            shown.insert(0, {"output_type": "stream", "name": "stdout", "text": printed.getvalue()})
        return shown

    try:
        yield run
    finally:
        sys.displayhook, sys.excepthook = kept
        type(used).clear_instance()
        atexit.unregister(used.atexit_operations)  # seconds for every shell, at the end of a process
        for name in own:
            namespace.pop(name, None)


def _bare(output: Output) -> Output:
    """Leave out the words for a widget: they say what it showed when it was recorded."""
    data = output["data"]
    if WIDGET in data:
        data = {WIDGET: data[WIDGET]}
    return {**output, "data": data}
