"""Wait until a page has come to rest: its kernel has answered, no work runs, nothing changes."""

import json
import time

LONG = 180
# Work that can be stopped is work that runs; a page whose parts still change moves what is below them.
_AT_REST = """async seconds => {
    const stops = document.getElementsByTagName("button");
    const runs = () => [...stops].some(each => each.title.startsWith("Stop this work") && each.offsetParent);
    const begun = performance.now();
    let changed = begun;
    const watch = new MutationObserver(() => { changed = performance.now(); });
    watch.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
    while ((runs() || performance.now() - changed < 200) && performance.now() - begun < 1000 * seconds)
        await new Promise(done => setTimeout(done, 50));
    watch.disconnect();
    return performance.now() - changed >= 200 && !runs();
}"""
_CHANNEL, _HEADER, _PARENT, _CONTENT = 0, 1, 2, 4  # parts of a message


def at_rest(page):
    """Wait until the page shows what comes of all that was done to it, and nothing moves any more.

    On a busy machine a kernel takes seconds to answer. What is done to the page before, such as going
    on to a dial that the answer brings, finds the page as it was; and what moves under a pressed
    pointer is not clicked.
    """
    talk = getattr(page, "talk", None)
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        told = talk.answered() if talk else 0
        assert page.evaluate(_AT_REST, LONG), "the page does not come to rest"
        # A press that the page held back until its kernel was free is told only now.
        if not talk or talk.answered() == told:
            return
    raise AssertionError("the page tells its kernel more and more")


class Talk:
    """Hears what a page tells its kernels, and what of it is answered."""

    def __init__(self, page):
        self._page = page
        self._told = {}  # by websocket, what was told and is not yet answered: the kind of message by its id
        self._count = 0
        page.on("websocket", self._opened)

    def answered(self):
        """Wait until the kernel has done everything that it was told so far; return how much that was."""
        deadline = time.monotonic() + LONG
        self._page.wait_for_timeout(20)  # what is typed now is told in the next turn of the page's loop
        while any(self._told.values()):
            assert time.monotonic() < deadline, f"the kernel does not answer {list(self._told.values())}"
            self._page.wait_for_timeout(20)
        return self._count

    def _opened(self, socket):
        if "/channels" not in socket.url:
            return
        told = self._told[socket] = {}

        def sent(frame):
            channel, header, _, _ = _read(frame)
            if channel == "shell":
                self._count += 1
                told[header["msg_id"]] = header["msg_type"]

        def received(frame):
            _, header, parent, content = _read(frame)
            if header["msg_type"] == "status" and content["execution_state"] == "idle":
                told.pop(parent.get("msg_id"), None)

        socket.on("framesent", sent)
        socket.on("framereceived", received)
        socket.on("close", lambda _: told.clear())


def _read(frame):
    """Return channel, header, parent header and content of a message, in either of Jupyter's two forms."""
    if isinstance(frame, str):
        message = json.loads(frame)
        return (*(message[part] for part in ("channel", "header", "parent_header", "content")),)
    count = int.from_bytes(frame[:8], "little")
    at = [int.from_bytes(frame[8 * i : 8 * i + 8], "little") for i in range(1, count + 1)]
    parts = [frame[at[i] : at[i + 1]] for i in (_CHANNEL, _HEADER, _PARENT, _CONTENT)]
    return parts[0].decode(), *(json.loads(part) for part in parts[1:])
