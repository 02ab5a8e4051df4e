"""What somebody does who has a keyboard and no mouse: Tab, arrows, Space, Enter, typing.

Nothing here moves the focus in another way, so that what cannot be reached with the Tab key
fails a test. Nobody types blindly: before every step the page shows what came of the one before.
"""

from tests.browser.rest import at_rest

LONG = 180_000
_MOST, _MOST_OPTIONS = 320, 60  # stops on a page, and options of a list

_FOCUSED = """() => {
    const part = document.activeElement;
    const label = part.labels && part.labels.length ? part.labels[0].textContent : part.textContent;
    return (part.getAttribute("aria-label") || label).replace(/\\u200b/g, "").trim();
}"""
TEXT = "s => s.selectedOptions[0].textContent.replace(/\\u00a0/g, ' ').trim()"
"""What a list shows; no-break spaces hold it together."""
_CHOSEN = f"() => ({TEXT})(document.activeElement)"
_SHOWN = "() => { const part = document.activeElement; return (part.value ?? part.textContent).trim(); }"


def begin(page):
    """Put the focus where a page that was just opened has it: nowhere."""
    page.evaluate("document.activeElement.blur()")


def focused(page):
    """Return how what is focused is labelled."""
    return page.evaluate(_FOCUSED)


def tab(page, there, what):
    """Go on with the Tab key until ``there()`` says that it has come far enough."""
    at_rest(page)
    for _ in range(_MOST):
        page.keyboard.press("Tab")
        if there():
            return
    raise AssertionError(f"the Tab key does not lead to {what!r}")


def tab_to(page, label):
    """Go on with the Tab key until what is focused is labelled so, or begins so."""
    tab(page, lambda: focused(page).startswith(label), label)


def back_to(page, label):
    """Go back with Shift and the Tab key until what is focused is labelled so, or begins so."""
    at_rest(page)
    for _ in range(_MOST):
        page.keyboard.press("Shift+Tab")
        if focused(page).startswith(label):
            return
    raise AssertionError(f"Shift and the Tab key do not lead back to {label!r}")


def type_into(page, label, value):
    """Replace what a field holds, and see that it stands there."""
    tab_to(page, label)
    page.keyboard.press("Control+A")
    page.keyboard.type(str(value))
    page.keyboard.press("Enter")
    shown = page.evaluate(_SHOWN)
    assert shown == str(value) or float(shown) == float(value), label


def press(page, label, within):
    """Press the button of a panel, once it can be pressed: what runs holds it back."""
    button = within.get_by_role("button", name=label, exact=True).first.element_handle()
    page.wait_for_function("b => !b.disabled", arg=button, timeout=LONG)
    # Another panel may have a button of the same name, so it is this one that the key must lead to.
    tab(page, lambda: button.evaluate("b => b === document.activeElement"), label)
    page.keyboard.press("Enter")


def choose(page, label, words):
    """Choose the option of a list that begins with ``words``, with the arrow keys, and see that it stands.

    Letters would do for a person. A browser forgets them after a second, and on a busy machine more
    than that goes by between two of them: "32" was then read as "3" and "2", and chose 256.
    """
    tab_to(page, label)
    page.keyboard.press("Home")
    for _ in range(_MOST_OPTIONS):
        if page.evaluate(_CHOSEN).startswith(words):
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"the arrow keys do not lead to {words!r} of {label!r}")


def tick(page, label):
    """Tick a box, or take the tick away."""
    tab_to(page, label)
    page.keyboard.press("Space")
