"""The lab of robust training, finished by mouse and by keyboard, as a participant would."""

import json
import re

from tests.browser.conftest import PICTURES, open_dashboard, violations
from tests.browser.keys import LONG, TEXT, begin, choose, focused, press, type_into
from tests.browser.mouse import click, dial, panel_with, pick, reached

NETWORKS = "ABCD"


def _claims(page):
    return page.locator(".lk-panel", has_text="What the vendor shows").first


def _fill(panel, label, value):
    field = panel.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def _retype(page, value):
    page.keyboard.press("Control+A")
    page.keyboard.type(value)
    page.keyboard.press("Enter")


def _back_to(page, label):
    """Go back with Shift and Tab until what is focused is labelled so."""
    for _ in range(12):
        if focused(page).startswith(label):
            return
        page.keyboard.press("Shift+Tab")
    raise AssertionError(f"Shift and Tab do not lead back to {label!r}")


def _share(words):
    return float(words.rstrip("%")) / 100


def _attacked(panel, name):
    """Read what one step and what the last attack left of a network."""
    row = panel.locator("table", has_text="Your last attack").locator("tbody tr", has_text=f"network {name}")
    row.locator("td", has_text="%").nth(2).wait_for(timeout=LONG)
    return [_share(cell.inner_text()) for cell in row.locator("td").all()[1:]]


def _heads(panel):
    """Read the certificates that the vendor shows: model, norm, noise, confidence."""
    rows = panel.locator("table", has_text="Abstained").locator("tbody tr").all()
    found = {}
    for row in rows:
        model, norm, noise, confidence, *_ = (cell.inner_text() for cell in row.locator("td").all())
        found[row.locator("th").inner_text()] = {
            "model": model,
            "norm": "L2" if norm == "L2" else "every pixel",
            "noise": 0.0 if noise == "none" else float(noise),
            "confidence": 100.0 if "no chance" in confidence else float(confidence.rstrip("%")),
        }
    return found


def _said(panel):
    """Read the claims, each with the certificate that is shown for it."""
    found = []
    for words in panel.locator("p", has_text=re.compile(r"^Claim \d")).all_inner_texts():
        noise = re.search(r"smoothed with noise ([\d.]+)", words)
        sure = re.search(r"with ([\d.]+) % confidence", words)
        found.append(
            {
                "shown": re.search(r"with (certificate \w \(\w+\))", words)[1],
                "model": re.search(r"Model (\w+)", words)[1],
                "noise": float(noise[1]) if noise else 0.0,
                "accuracy": float(re.search(r"reads ([\d.]+)%", words)[1]) / 100,
                "epsilon": float(re.search(r"change up to ([\d.]+)", words)[1]),
                "norm": "L2" if "in L2" in words else "every pixel",
                "confidence": float(sure[1]) if sure else 100.0,
            }
        )
    return found


def _look_up(panel, set_radius, epsilon):
    """Have the panel say the share at a radius: of all inputs, and of those that were decided."""
    shown = f"{epsilon:.6g}"
    set_radius(shown)
    panel.get_by_text(re.compile(rf"^Within {re.escape(f'{float(shown):g}')} ")).wait_for(timeout=LONG)
    words = panel.get_by_text(re.compile("^Within ")).inner_text()
    return [float(each) / 100 for each in re.findall(r"([\d.]+)% of", words)]


def _answer(panel, claim, head, set_radius):
    """Say whether a claim follows, as somebody does who has the certificate in front of them."""
    for place, words in (
        ("model", "no: the certificate is of another model"),
        ("noise", "no: the certificate is of another noise level"),
    ):
        if claim[place] != head[place]:
            return words
    if claim["confidence"] > head["confidence"]:
        return "no: it promises more confidence than the certificate has"
    other = (head["norm"], claim["norm"]) == ("L2", "every pixel")
    everybody, decided = _look_up(panel, set_radius, claim["epsilon"] * (8 if other else 1))
    if claim["accuracy"] <= everybody + 5e-4:
        return "follows: it follows from the certificate"
    if claim["accuracy"] <= decided + 5e-4:
        return "no: it leaves out the inputs on which the classifier abstains"
    if other:
        return "no: it uses the radius in a norm that the certificate is not in"
    return "no: fewer inputs than it says are certified that far"


def _lower_ends(panel):
    """Read the lower end of what was measured, by line."""
    rows = panel.locator("table", has_text="Lower end").locator("tbody tr")
    rows.nth(3).wait_for(timeout=LONG)
    return {
        row.locator("th").inner_text(): float(row.locator("td").nth(1).inner_text()) for row in rows.all()
    }


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L03")

    train = panel_with(page, "Train a network")
    pick(page, train, "Method", "fast: one step from a random start")
    dial(page, train, "Training epsilon", 0.15)
    dial(page, train, "Epochs", 26)
    click(page, train, "Train a network")
    train.get_by_role("img", name=re.compile("accuracy over the epochs")).wait_for(timeout=LONG)
    click(page, train, "Hand in")
    reached(page, 1)
    train.screenshot(path=PICTURES / "robustness-training-panel.png")

    collapse = panel_with(page, "Attack along the epochs")
    dial(page, collapse, "Attack steps", 40)
    for name in NETWORKS:
        pick(page, collapse, "Network", f"network {name}")
        click(page, collapse, "Attack along the epochs")
        one, many = _attacked(collapse, name)
        pick(page, collapse, f"Verdict on {name}", "sound" if many >= 0.75 * one else "collapsed")
        _fill(collapse, f"Accuracy of {name} under PGD (0 to 1)", many)
    collapse.screenshot(path=PICTURES / "robustness-collapse-panel.png")
    click(page, collapse, "Hand in")
    reached(page, 2)

    certify = panel_with(page, "Train under noise")
    dial(page, certify, "Noise in training", 0.25)
    click(page, certify, "Train under noise")
    chosen = certify.locator("select").first
    page.wait_for_function(
        f"s => ({TEXT})(s).endsWith('trained under noise 0.25')", arg=chosen.element_handle(), timeout=LONG
    )
    dial(page, certify, "Smoothing noise", 0.25)
    pick(page, certify, "Copies N", "1000")
    certify.get_by_role("checkbox").check()
    click(page, certify, "Certify", exact=True)
    certify.get_by_role("img", name=re.compile("Certified accuracy against")).wait_for(timeout=LONG)
    click(page, certify, "Hand in")
    reached(page, 3)
    certify.screenshot(path=PICTURES / "robustness-certificate-panel.png")

    claims = _claims(page)
    heads = _heads(claims)
    for number, claim in enumerate(_said(claims), start=1):
        pick(page, claims, "Look up in", claim["shown"])
        radius = lambda value: _fill(claims, "Radius, in its own norm", value)  # noqa: E731
        pick(page, claims, f"Claim {number}", _answer(claims, claim, heads[claim["shown"]], radius))
    claims.screenshot(path=PICTURES / "robustness-claims-panel.png")
    click(page, claims, "Hand in")
    reached(page, 4)

    sign = panel_with(page, "Measure my networks")
    click(page, sign, "Measure my networks")
    for line, value in _lower_ends(sign).items():
        _fill(sign, f"{line} (0 to 1)", value)
    _fill(sign, "Reach in every pixel (0 to 1)", 0.25)
    click(page, sign, "Sign and hand in")
    sign.get_by_text(re.compile("not the side of a box")).wait_for(timeout=LONG)
    _fill(sign, "Reach in every pixel (0 to 1)", 0.031)
    click(page, sign, "Sign and hand in")
    reached(page, 5)
    sign.screenshot(path=PICTURES / "robustness-statement-panel.png")

    click(page, page, "Add to my evidence pack")
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    assert violations(page, "robustness") == []


def test_the_lab_is_finished_by_keyboard_alone(own_server, page):
    open_dashboard(page, own_server, "L03")
    begin(page)

    train = panel_with(page, "Train a network")
    choose(page, "Method", "fast")
    type_into(page, "Training epsilon, typed", 0.15)
    type_into(page, "Epochs, typed", 26)
    press(page, "Train a network", train)
    train.get_by_role("img", name=re.compile("accuracy over the epochs")).wait_for(timeout=LONG)
    press(page, "Hand in", train)
    reached(page, 1)

    collapse = panel_with(page, "Attack along the epochs")
    found = {}
    choose(page, "Network", "network A")
    type_into(page, "Attack steps, typed", 40)
    for name in NETWORKS:
        if name != "A":
            _back_to(page, "Network")
            page.keyboard.press("ArrowDown")
        press(page, "Attack along the epochs", collapse)
        found[name] = _attacked(collapse, name)
    for name, (one, many) in found.items():
        choose(page, f"Verdict on {name}", "sound" if many >= 0.75 * one else "collapsed")
        type_into(page, f"Accuracy of {name} under PGD (0 to 1)", many)
    press(page, "Hand in", collapse)
    reached(page, 2)

    certify = panel_with(page, "Train under noise")
    type_into(page, "Noise in training, typed", 0.25)
    press(page, "Train under noise", certify)
    chosen = certify.locator("select").first
    page.wait_for_function(
        f"s => ({TEXT})(s).endsWith('trained under noise 0.25')", arg=chosen.element_handle(), timeout=LONG
    )
    type_into(page, "Smoothing noise, typed", 0.25)
    choose(page, "Copies N", "1000")
    press(page, "Hand in", certify)
    reached(page, 3)

    claims = _claims(page)
    heads, said = _heads(claims), _said(claims)
    answers = {}
    for shown in heads:  # first look up what each certificate says, then answer in order
        if answers:
            _back_to(page, "Look up in")
            page.keyboard.press("ArrowDown")
        else:
            choose(page, "Look up in", shown)
        page.keyboard.press("Tab")  # on to the radius, where one stays

        for number, claim in enumerate(said, start=1):
            if claim["shown"] == shown:
                answers[number] = _answer(claims, claim, heads[shown], lambda value: _retype(page, value))
    for number in sorted(answers):
        choose(page, f"Claim {number}", answers[number])
    press(page, "Hand in", claims)
    reached(page, 4)

    sign = panel_with(page, "Measure my networks")
    press(page, "Measure my networks", sign)
    ends = _lower_ends(sign)
    for line in ("Clean accuracy", "Accuracy under PGD", "Certified in L2"):
        type_into(page, f"{line} (0 to 1)", ends[line])
    type_into(page, "Reach in every pixel (0 to 1)", 0.031)
    type_into(page, "Proved by intervals (0 to 1)", ends["Proved by intervals"])
    press(page, "Sign and hand in", sign)
    reached(page, 5)

    press(page, "Add to my evidence pack", page)
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    for checkpoint in ("robust", "collapse", "certificate", "claims", "statement"):
        (path,) = own_server.home.rglob(f"evidence/**/*{checkpoint}.json")
        assert json.loads(path.read_text(encoding="utf-8"))["passed"], checkpoint
