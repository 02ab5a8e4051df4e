"""A dashboard from the first click to the closed tab."""

import time

from tests.browser.conftest import GAVE_UP, LOADED_AGAIN, open_dashboard, violations

LONG = 120_000


def _until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def test_leaving_a_dashboard_ends_its_process(own_server, page):
    open_dashboard(page, own_server, "L00")
    kernel = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    assert kernel in own_server.kernels()
    page.goto(own_server.url + "/progress")
    _until(lambda: kernel not in own_server.kernels())


def test_leaving_while_it_is_prepared_ends_its_process_too(own_server, page):
    page.goto(own_server.url + "/dashboards/L02", wait_until="commit")
    page.wait_for_selector("#jupyter-config-data", state="attached", timeout=LONG)
    kernel = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    page.goto(own_server.url + "/glossary")
    _until(lambda: kernel not in own_server.kernels())


def test_a_dashboard_that_is_being_prepared_says_so_and_is_accessible(own_server, page):
    page.goto(own_server.url + "/dashboards/L02", wait_until="commit")
    page.get_by_role("heading", name="Evasion range").wait_for(timeout=LONG)
    assert page.locator("#loading_text").inner_text().startswith(("Starting", "Preparing"))
    assert page.get_by_role("progressbar").first.is_visible()


def test_a_part_that_cannot_run_is_said_without_a_traceback(broken_lab_server, page):
    page.goto(broken_lab_server.url + "/dashboards/L00")
    page.wait_for_selector("html[data-lk-ready=yes]", timeout=LONG)
    said = page.get_by_role("alert").inner_text()
    assert "could not run" in said
    assert "labkit doctor" in said
    assert "Traceback" not in page.content()
    assert "a secret of the machine" not in page.content()
    assert violations(page, "broken-lab") == []


def test_a_dashboard_in_the_dark_and_in_large_type_is_accessible(page, server):
    page.emulate_media(color_scheme="dark")
    page.add_init_script("localStorage.setItem('labkit-size', 'large')")
    open_dashboard(page, server, "L00")
    assert violations(page, "start-here-dark-large") == []


def test_the_same_lab_opens_hands_on_in_jupyterlab(page, server):
    page.goto(server.url + "/hands-on/L02")
    page.wait_for_url("**/lab/tree/L02-evasion-range/lab.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=LONG)
    page.get_by_text("your turn").first.wait_for(timeout=LONG)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=LONG)


def _let_widgets_give_up(page, visits):
    """Starve a timer, as a slow machine does: widgets look for their models twice, early and late."""
    page.add_init_script(f"""{{
        const visit = Number(sessionStorage.getItem("visit") || 0), later = window.setTimeout;
        sessionStorage.setItem("visit", visit + 1);
        if (visit < {visits})
            window.setTimeout = (what, after, ...more) => later(what, after === 100 ? 5000 : after, ...more);
    }}""")


def test_a_page_whose_widgets_gave_up_is_loaded_again(server, page):
    _let_widgets_give_up(page, visits=1)
    page.goto(server.url + "/dashboards/L00", wait_until="commit")
    page.wait_for_function("sessionStorage.getItem('visit') === '2'", timeout=LONG)
    page.wait_for_selector(".lk-panel", timeout=LONG)
    assert page.get_by_text("Error displaying widget").count() == 0
    assert page.get_by_role("alert").count() == 0


def test_a_page_whose_scripts_did_not_all_arrive_is_loaded_again(server, page):
    page.route("**/jupyterlab-manager/static/121.*", lambda route: route.abort(), times=1)
    with page.expect_console_message(lambda said: said.text.startswith(LOADED_AGAIN), timeout=LONG):
        page.goto(server.url + "/dashboards/L00", wait_until="commit")
    page.wait_for_selector(".lk-panel", timeout=LONG)
    assert page.locator(".jupyter-widgets-error-widget").count() == 0
    assert any("Loading chunk 121 failed" in each for each in page.watch.errors)
    page.watch.errors.clear()


def test_a_page_whose_widgets_give_up_again_says_what_to_do(server, page):
    _let_widgets_give_up(page, visits=9)
    page.goto(server.url + "/dashboards/L00", wait_until="commit")
    said = page.get_by_role("alert")
    said.get_by_text("Parts of this page did not arrive").wait_for(timeout=LONG)
    assert page.evaluate("sessionStorage.getItem('visit')") == "2"
    page.wait_for_timeout(2000)
    assert page.evaluate("sessionStorage.getItem('visit')") == "2"  # and is not loaded over and over
    assert violations(page, "incomplete") == []
    page.mouse.wheel(0, 3000)
    seen = said.bounding_box()  # wherever one reads
    assert 0 < seen["y"] < seen["y"] + seen["height"] < 900
    page.get_by_role("link", name="Load the page again").click()
    page.wait_for_function("sessionStorage.getItem('visit') > 2", timeout=LONG)
    page.watch.forgive(*GAVE_UP)
