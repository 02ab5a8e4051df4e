"""The pages around the labs, as a newcomer meets them."""

import re

import pytest

from tests.browser.conftest import violations

PAGES = {
    "catalogue": "/",
    "progress": "/progress",
    "glossary": "/glossary",
    "standards": "/standards",
    "demo": "/demo/L02",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_and_is_accessible(page, server, name, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(server.url + PAGES[name])
    assert violations(page, f"{name}-{theme}") == []


def test_large_type_is_kept_from_page_to_page(page, server):
    page.goto(server.url + "/")
    page.get_by_role("button", name="Large type").click()
    page.goto(server.url + "/glossary")
    assert page.evaluate("getComputedStyle(document.body).fontSize") == "23.2px"
    assert page.get_by_role("button", name="Large type").get_attribute("aria-pressed") == "true"
    assert violations(page, "glossary-large") == []


def test_the_catalogue_is_filtered_without_a_reload_and_by_keyboard(page, server):
    page.goto(server.url + "/")
    page.get_by_label("Search").focus()
    page.keyboard.type("black box nothing like it")
    assert page.get_by_role("status").first.inner_text() == "0 labs"
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("document.getElementById('found').textContent !== '0 labs'")
    page.get_by_label("Search").fill("evasion range")
    assert page.locator("[data-lab]:visible").count() == 1
    assert "text=evasion+range" in page.url


def test_the_catalogue_leads_to_a_lab_by_keyboard_alone(page, server):
    page.goto(server.url + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Open Evasion range":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/dashboards/L02"))


def test_the_live_demo_is_stepped_by_keyboard(page, server):
    page.goto(server.url + "/demo/L02")
    first = page.locator("#state-title").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#state-title").inner_text() != first
    page.keyboard.press("ArrowLeft")
    assert page.locator("#state-title").inner_text() == first
    page.get_by_role("button", name=re.compile("about half")).click()
    assert page.get_by_role("button", name="about half: 1").is_visible()
