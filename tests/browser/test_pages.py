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
    page.get_by_label("Search").fill("its gradient and without")
    assert page.locator("[data-lab]:visible").count() == 1
    assert "text=its+gradient+and+without" in page.url


def test_the_catalogue_leads_to_a_lab_by_keyboard_alone(page, server):
    page.goto(server.url + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.getAttribute('aria-label')")
        if name in ("Open Evasion range", "Continue Evasion range"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/dashboards/L02"))


def test_the_live_demo_is_stepped_by_keyboard_and_counts_votes(page, server):
    page.goto(server.url + "/demo/L02")
    first = page.locator("#state-title").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#state-title").inner_text() != first
    page.keyboard.press("PageUp")
    assert page.locator("#state-title").inner_text() == first
    page.keyboard.press("2")
    page.get_by_role("button", name=re.compile("^2 About half")).click()
    assert page.get_by_role("button", name="About half: 2").is_visible()
    page.get_by_role("button", name="One vote fewer for: About half").click()
    assert page.get_by_role("button", name="About half: 1").is_visible()


def test_the_live_demo_runs_the_prepared_state(page, server):
    page.goto(server.url + "/demo/L02")
    page.keyboard.press("ArrowRight")
    page.get_by_text("The run is ready").wait_for(timeout=120_000)
    page.keyboard.press("r")
    frame = page.frame_locator("#run-frame")
    frame.locator(".lk-demo-here .lk-panel").wait_for(timeout=120_000)
    assert page.locator("#run-frame").get_attribute("title") == "Evasion range, prepared"
    assert page.frames[1].url.endswith("/dashboards/L02?demo=2")
    assert frame.locator(".lk-top").is_hidden()


def test_a_word_is_found_in_the_glossary(page, server):
    page.goto(server.url + "/glossary")
    page.get_by_label("Find a word").fill("perturbation budget")
    left = page.locator(".lk-terms > div:visible")
    assert 0 < left.count() < 10
    assert page.get_by_role("status").inner_text().startswith(str(left.count()))


def test_the_theme_follows_the_machine_until_one_chooses(page, server):
    page.emulate_media(color_scheme="dark")
    page.goto(server.url + "/")
    dark = page.get_by_role("button", name="Dark")
    assert dark.get_attribute("aria-pressed") == "true"
    dark.click()
    page.goto(server.url + "/progress")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(page, server, name):
    page.set_viewport_size({"width": 375, "height": 700})
    page.goto(server.url + PAGES[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert violations(page, f"{name}-phone") == []


def test_an_address_that_is_none_gets_a_page_of_ours(page, server):
    page.goto(server.url + "/dashboards/nope")
    page.watch.errors.clear()  # the browser reports the 404 itself
    assert "there is no lab called" in page.get_by_role("alert").inner_text()
    assert violations(page, "not-here") == []
