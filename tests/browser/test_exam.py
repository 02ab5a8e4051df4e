"""The practice exam, sat by hand in JupyterLab, from the first click to the result."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from labkit.credentials.page import write_page
from labkit.exams.bank import read_bank, right_answer
from labkit.exams.blueprint import exam_folder, read_blueprint
from labkit.exams.notebook import exam_notebook
from labkit.exams.sitting import Sitting
from labkit.exams.sitting.answering import is_complete
from labkit.exams.task import tasks_of
from tests.browser.conftest import PICTURES, violations
from tests.browser.test_verify_page import serving

LONG = 240_000


@pytest.fixture
def sat(own_server, page):
    """A practice sitting that was begun on the page of the exam, and its folder."""
    page.goto(f"{own_server.url}/exam/practice")  # an address that only a button may use leads to the buttons
    assert page.url == f"{own_server.url}/exam"
    assert page.request.get(f"{own_server.url}/exam/result/practice-000000").status == 404
    assert violations(page, "exam") == []
    page.get_by_role("button", name="Begin the practice exam").click(no_wait_after=True)
    page.locator(".jp-Notebook").wait_for(timeout=LONG)
    name = unquote(urlsplit(page.url).path).split("/exams/")[1].split("/")[0]
    (folder,) = own_server.home.rglob(f"exams/{name}")
    return folder


def solved(folder):
    """Write the solutions into the cells of the notebook, as somebody would who knows how."""
    path = folder / "exam.ipynb"
    issued = nbformat.read(path, as_version=4)
    tasks = [task for task in tasks_of(exam_folder()).values() if (folder / "materials" / task.id).is_dir()]
    cells = {cell["id"]: cell for cell in issued.cells}
    before = ""
    for cell in exam_notebook(read_blueprint(exam_folder()), tasks, "practice", solved=True).cells:
        if cell["id"] in cells:
            # What a solution has in cells of its own stands above the answer here.
            cells[cell["id"]]["source"] = f"{before}{cell['source']}"
            before = ""
        elif cell["cell_type"] == "code":
            before += f"{cell['source']}\n\n"
    nbformat.write(issued, path)


def answered(page, desk, view, answer):
    """Answer the item that is shown, with the mouse."""
    texts = {}
    for part in view.get("parts", ()):
        texts |= {(part["question"], each["position"]): each["text"] for each in part["options"]}
    if view["kind"] in ("single", "multiple", "scenario"):
        given = answer if view["kind"] == "scenario" else [answer]
        boxes = desk.locator(".widget-radio, .widget-vbox:has(> .widget-html):has(> .widget-checkbox)")
        for number, (part, chosen) in enumerate(zip(view["parts"], given, strict=True)):
            box = boxes.nth(number)
            for position in chosen:
                words = texts[part["question"], position]
                box.get_by_text(words, exact=True).first.click()
    elif view["kind"] == "matching":
        shown = [right["position"] for right in view["rights"]]
        for number, position in enumerate(answer):
            letter = "ABCDEFGH"[number]
            line = desk.locator(".widget-dropdown", has=page.get_by_text(f"{letter} goes with", exact=True))
            line.locator("select").select_option(index=1 + shown.index(position))
    elif view["kind"] == "ordering":
        order = [step["position"] for step in view["steps"]]
        for place in [1, 2] if order == answer else []:  # an order counts once a step was moved
            desk.get_by_role("button", name=f"Move {place} {'down' if place == 1 else 'up'}").click()
        for to, position in enumerate(answer):
            for place in range(order.index(position), to, -1):
                desk.get_by_role("button", name=f"Move {place + 1} up").click()
            order.insert(to, order.pop(order.index(position)))
    else:
        desk.locator(".widget-text input").fill(f"{answer[0]:g}")
        page.keyboard.press("Enter")


def test_a_candidate_passes_the_practice_exam(own_server, page, sat, tmp_path):
    solved(sat)
    page.goto(f"{own_server.url}/lab/tree/exams/{sat.name}/exam.ipynb?reset")
    page.locator(".jp-Notebook").wait_for(timeout=LONG)
    page.get_by_text(re.compile(r"\| Idle")).wait_for(timeout=LONG)  # without a kernel nothing is run
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).first.click()
    sitting = Sitting(sat)
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and not all(place.answered for place in sitting.state().tasks):
        page.wait_for_timeout(1000)
    assert [place.id for place in sitting.state().tasks if place.missing] == []

    desk = page.locator(".lk-panel", has=page.get_by_role("button", name="Submit", exact=True)).first
    desk.scroll_into_view_if_needed()
    goto = desk.locator(".widget-dropdown", has=page.get_by_text("Go to", exact=True)).locator("select")
    bank, views = read_bank(exam_folder() / "items"), sitting.items()
    goto.select_option(index=len(sitting.form.slots))
    for number, (name, view) in enumerate(views.items(), start=1):
        desk.get_by_text(view["question"], exact=True).first.wait_for(timeout=LONG)
        answered(page, desk, view, right_answer(bank.find(name), view["variant"]))
        kept(page, sitting, name)
        if number == 1:
            desk.screenshot(path=PICTURES / "exam-desk.png")
        if number < len(views):
            desk.get_by_role("button", name="Next").click()
    assert all(place.answered for place in sitting.state().items)

    desk.get_by_text("I want to submit. Afterwards nothing can be changed.").click()
    desk.get_by_role("button", name="Submit", exact=True).click()
    desk.get_by_text(re.compile("Result of the practice")).wait_for(timeout=LONG)
    desk.screenshot(path=PICTURES / "exam-result.png")
    assert "not passed" not in desk.inner_text()

    page.goto(f"{own_server.url}/exam")
    page.get_by_role("link", name=re.compile("^Result of the practice")).click()
    page.get_by_text("Knowledge and practice").wait_for()
    page.screenshot(path=PICTURES / "exam-result-page.png")
    assert violations(page, "exam result") == []
    assert_holds_a_credential(page, sat, tmp_path)


def assert_holds_a_credential(page, sat, folder):
    """Issue a credential for the award that the result left, and have both implementations verify it."""

    def credential(*words):
        command = [sys.executable, "-m", "labkit.cli", "credential", *map(str, words), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        return json.loads(done.stdout)

    secret, office = folder / "password", folder / "office"
    secret.write_text("a password for a test\n")
    own = ("--password-file", secret, "--office", office)
    made = credential("keygen", "--practice", *own)
    issued = Path(credential("issue", sat / "award.json", *own)["folder"])
    said = credential("verify", issued / "badge.json", "--practice", "--issuer", made["public"])
    assert said["valid"], said
    write_page(Path(made["public"]) / "verify")
    with serving(made["public"]) as address:
        page.goto(f"{address}/verify/")
        page.wait_for_selector("html[data-ready=yes]")
        page.set_input_files("#files", issued / "badge.json")
        page.wait_for_selector("#answer:not([hidden])")
        page.screenshot(path=PICTURES / "exam-credential.png", full_page=True)
        said = page.locator("#checks li")
        checks = {each.get_attribute("data-check"): each.get_attribute("class") for each in said.all()}
        assert checks.pop("issuer"), "what the page says of a practice issuer"
        assert checks == {
            "signature": "passed",
            "time": "passed",
            "status": "passed",
            "recipient": "not-asked",
        }


def kept(page, sitting, name):
    """Wait until an answer lies on the disk."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if is_complete(sitting.answers().get(name, {}).get("answer")):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the answer to {name} was not kept")
