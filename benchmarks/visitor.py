"""Somebody's browser as a server sees it: an address, cookies, and a name at the entrance of a class."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from labkit.core.errors import LabkitError

__all__ = ["Visitor"]

_PATIENCE = 900.0  # seconds


class Visitor:
    """Asks for pages and keeps cookies.

    Parameters
    ----------
    server : str
        Address of the server.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self._cookies: dict[str, str] = {}

    @property
    def cookie(self) -> str:
        """What is sent with each request."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    async def enter(self, name: str) -> str:
        """Enter the class that is served there under a name, and return the cookie."""
        await self.ask("enter")
        await self.ask("enter", {"name": name})
        return self.cookie

    async def follow(self, path: str, heard: list[str]) -> None:
        """Keep what the server sends over time, until this is cancelled or the server ends it."""
        # By hand, since a client that waits for the end of an answer has no quiet way to leave before.
        place = urlsplit(self.server)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(
            f"GET /{path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {self.cookie}\r\n\r\n".encode()
        )
        try:
            while part := await reader.read(1 << 16):
                heard.append(part.decode())
        finally:
            writer.close()

    async def ask(self, path: str, data: dict[str, str] | None = None) -> HTTPResponse:
        """Return the answer to a request; redirects are followed.

        Raises
        ------
        LabkitError
            When the server refuses.
        """
        for _ in range(5):
            answer = await AsyncHTTPClient().fetch(
                HTTPRequest(
                    f"{self.server}/{path}",
                    method="GET" if data is None else "POST",
                    body=None
                    if data is None
                    else urlencode({"_xsrf": self._cookies.get("_xsrf", ""), **data}),
                    headers={"Cookie": self.cookie},
                    follow_redirects=False,
                    request_timeout=_PATIENCE,
                    connect_timeout=_PATIENCE,
                ),
                raise_error=False,
            )
            for line in answer.headers.get_list("Set-Cookie"):
                for name, morsel in SimpleCookie(line).items():
                    self._cookies[name] = morsel.coded_value
            if answer.code not in (301, 302, 303):
                break
            path, data = answer.headers["Location"].lstrip("/"), None
        if answer.code >= 400:
            raise LabkitError(f"{path} answered {answer.code}")
        return answer
