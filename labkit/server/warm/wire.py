"""Lines of JSON over a socket that two processes inherited, with open files beside them."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

__all__ = ["Receiver", "send"]

_CHUNK = 1 << 16
_MOST_FILES = 16  # per line; a kernel takes three


def send(connection: socket.socket, message: dict[str, Any], files: tuple[int, ...] = ()) -> None:
    """Send one line, and duplicates of open files with its first byte.

    Raises
    ------
    OSError
        When the other side has gone.
    """
    data = json.dumps(message).encode() + b"\n"
    sent = socket.send_fds(connection, [data], list(files)) if files else 0
    connection.sendall(data[sent:])


class Receiver:
    """Reads the lines of one socket, and keeps the files that came with them in their order."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self._files: list[int] = []

    def line(self) -> dict[str, Any] | None:
        """Wait for a line; None when the other side has gone."""
        while b"\n" not in self._buffer:
            if not self._read():
                return None
        line, self._buffer = self._buffer.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    @property
    def waiting(self) -> bool:
        """Whether a whole line was read already and waits for its turn."""
        return b"\n" in self._buffer

    def files(self, number: int) -> list[int]:
        """Take the next ``number`` files; the caller closes them."""
        taken, self._files = self._files[:number], self._files[number:]
        return taken

    def close(self) -> None:
        """Close the socket and every file that nobody took."""
        self._connection.close()
        for file in self.files(len(self._files)):
            os.close(file)

    def _read(self) -> bool:
        data, files, _, _ = socket.recv_fds(self._connection, _CHUNK, _MOST_FILES)
        for file in files:
            os.set_inheritable(file, False)
        self._files += files
        self._buffer += data
        return bool(data)
