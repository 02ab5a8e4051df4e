"""What somebody does who has a keyboard and no mouse: Tab, arrows, Space, Enter, typing.

Nothing here moves the focus in another way, so that what cannot be reached with the Tab key
fails a test.
"""

LONG = 180_000

_FOCUSED = """() => {
    const part = document.activeElement;
    const label = part.labels && part.labels.length ? part.labels[0].textContent : part.textContent;
    return (part.getAttribute("aria-label") || label).replace(/\\u200b/g, "").trim();
}"""
_CHOSEN = """() => document.activeElement.selectedOptions[0].textContent.replace(/\\u00a0/g, " ")"""


def begin(page):
    """Put the focus where a page that was just opened has it: nowhere."""
    page.evaluate("document.activeElement.blur()")


def focused(page):
    """Return how what is focused is labelled."""
    return page.evaluate(_FOCUSED)


def tab_to(page, label, most=220):
    """Go on with the Tab key until what is focused is labelled so, or begins so."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page).startswith(label):
            return
    raise AssertionError(f"the Tab key does not lead to {label!r}")


def type_into(page, label, value):
    """Replace what a field holds."""
    tab_to(page, label)
    page.keyboard.press("Control+A")
    page.keyboard.type(str(value))
    page.keyboard.press("Enter")


def press(page, label, within):
    """Press the button of a panel, once it can be pressed: what runs holds it back."""
    button = within.get_by_role("button", name=label, exact=True).first
    page.wait_for_function("b => !b.disabled", arg=button.element_handle(), timeout=LONG)
    tab_to(page, label)
    page.keyboard.press("Enter")


def choose(page, label, first_letters):
    """Choose an option of a list by typing how it begins."""
    tab_to(page, label)
    for _ in range(3):
        page.keyboard.type(first_letters)
        shown = page.evaluate(_CHOSEN)
        if shown.startswith(first_letters):
            return
        # On a busy machine a pause between two letters begins a new word: wait until the list forgot both.
        page.wait_for_timeout(1500)
    raise AssertionError(f"typing {first_letters!r} into {label!r} chooses {shown!r}")


def tick(page, label):
    """Tick a box, or take the tick away."""
    tab_to(page, label)
    page.keyboard.press("Space")
