"""What somebody does who has a mouse: find a panel and turn its dials."""

import re

from tests.browser.rest import at_rest

LONG = 180_000


def panel_with(page, button):
    """Return the panel that has a button of this name."""
    return page.locator(".lk-panel", has=page.get_by_role("button", name=button, exact=True)).first


def labelled(page, panel, kind, label):
    """Return the ``slider``, ``dropdown`` or ``text`` of a panel that is labelled so."""
    named = page.locator("label", has_text=re.compile(rf"^{re.escape(label)}$"))
    return panel.locator(f".widget-{kind}", has=named)


def click(page, within, name, **how):
    """Click the button of this name."""
    at_rest(page)
    within.get_by_role("button", name=name, **how).click()


def dial(page, panel, label, value):
    """Type a value into the figure beside a slider, as one does who knows what they want."""
    at_rest(page)
    labelled(page, panel, "slider", label).locator(".widget-readout").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(str(value))
    page.keyboard.press("Enter")


def pick(page, panel, label, words):
    """Choose the option of a list that is called so, or else the first that begins so."""
    at_rest(page)
    listed = labelled(page, panel, "dropdown", label).locator("select")
    spaced = re.escape(words).replace(r"\ ", r"\s")  # no-break spaces hold an option together
    listed.locator("option", has_text=re.compile(rf"^\s*{spaced}")).first.wait_for(state="attached")
    offered = [text.replace("\u00a0", " ").strip() for text in listed.locator("option").all_text_contents()]
    begun = [i for i, text in enumerate(offered) if text.startswith(words)]
    listed.select_option(index=next((i for i in begun if offered[i] == words), begun[0]))


def reached(page, count):
    """Wait until so many checkpoints are reached, and the page shows everything that comes with it."""
    words = re.compile(rf"^{count} of \d+ checkpoints reached$")
    page.get_by_text(words).first.wait_for(timeout=LONG)
    at_rest(page)
