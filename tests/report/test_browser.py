"""The page in a real browser."""

import json
import shutil

import pytest

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("Chromium with its driver is not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def show(browser, paper):
    """Open the page at a width and colour scheme, and return the browser."""

    def open_at(width=1280, scheme="light"):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        browser.get(paper.html.as_uri())
        browser.execute_script("try { localStorage.clear() } catch {}")
        browser.get(paper.html.as_uri())
        return browser

    return open_at


@pytest.mark.parametrize("width", [360, 1280])
def test_no_error_and_no_request(show, width):
    driver = show(width)
    driver.get_log("performance")
    driver.refresh()
    assert driver.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages
             if m["method"] == "Network.requestWillBeSent"]  # fmt: skip
    assert asked
    assert all(url.startswith(("file:", "data:")) for url in asked)


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_every_figure_is_visible_and_the_page_does_not_scroll_sideways(show, width, paper):
    driver = show(width)
    widths = driver.execute_script(
        "return [...document.querySelectorAll('figure')].map(f =>"
        " [...f.querySelectorAll('svg')].map(s => s.getBoundingClientRect())"
        ".filter(b => b.width > 0 && b.height > 0).map(b => b.right))"
    )
    assert len(widths) == len(paper.figures) // 2
    assert all(len(seen) == 1 and seen[0] <= width for seen in widths)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width


def luminance(driver):
    colour = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour[4:-1].split(","))


def ink(driver):
    return driver.execute_script(
        "return getComputedStyle(document.querySelector('svg.wide text')).fill"
    )


def test_dark_and_light_follow_the_system_and_the_button(show):
    driver = show(scheme="dark")
    assert luminance(driver) < 150
    dark_ink = ink(driver)
    driver = show(scheme="light")
    assert luminance(driver) > 700
    assert ink(driver) != dark_ink
    button = driver.find_element("id", "theme")
    button.click()
    assert luminance(driver) > 700
    button.click()
    assert luminance(driver) < 150
    assert ink(driver) == dark_ink


def centre(driver, element):
    where = "{block: 'center', behavior: 'instant'}"
    driver.execute_script(f"arguments[0].scrollIntoView({where})", element)


def column(driver, table, number):
    return driver.execute_script(
        "return [...document.querySelector(arguments[0]).tBodies[0].rows]"
        ".map(r => r.cells[arguments[1]].dataset.key)",
        table,
        number,
    )


def test_tables_sort_by_keyboard_and_say_so(show):
    from selenium.webdriver.common.keys import Keys

    driver = show()
    button = driver.find_element("css selector", "#table-results th:nth-child(4) button")
    head = driver.find_element("css selector", "#table-results th:nth-child(4)")
    for direction, reverse in (("ascending", False), ("descending", True)):
        button.send_keys(Keys.ENTER)
        assert head.get_attribute("aria-sort") == direction
        latencies = [float(key) for key in column(driver, "#table-results", 3)]
        assert latencies == sorted(latencies, reverse=reverse)
    other = driver.find_element("css selector", "#table-results th:nth-child(2) button")
    centre(driver, other)
    other.click()
    names = column(driver, "#table-results", 1)
    assert names[0].startswith("cpu")
    assert names[-1].startswith("gpu")
    assert head.get_attribute("aria-sort") == "none"


def test_marks_tell_their_numbers_to_pointer_and_keyboard(show):
    from selenium.webdriver.common.action_chains import ActionChains

    driver = show()
    tip = driver.find_element("id", "tip")
    assert not tip.is_displayed()
    mark = driver.find_element("css selector", "#figure-energy_vs_latency svg.wide .mark")
    centre(driver, mark)
    ActionChains(driver).move_to_element(mark).perform()
    assert tip.is_displayed()
    assert tip.text == mark.get_attribute("aria-label")
    assert "energy counter" in tip.text
    driver.execute_script("arguments[0].dispatchEvent(new PointerEvent('pointerleave'))", mark)
    assert not tip.is_displayed()
    driver.execute_script("arguments[0].focus()", mark)
    assert tip.is_displayed()


def test_on_paper_there_is_ink_and_no_navigation(show):
    driver = show(scheme="dark")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert luminance(driver) == 765
    assert not driver.find_element("css selector", "nav").is_displayed()
    assert driver.find_element("css selector", "#table-results").is_displayed()


def test_marks_and_sensor_are_seen_at_1280_without_scrolling(show):
    driver = show(1280)
    heads = driver.execute_script(
        "return [...document.querySelectorAll('#table-results th')].map(h =>"
        " [h.textContent.trim(), h.getBoundingClientRect().left, h.getBoundingClientRect().right])"
    )
    names = {name for name, _, _ in heads}
    assert {"Sensor", "Marks"} <= names
    assert all(0 <= left < right <= 1280 for _, left, right in heads)
    frame = "document.querySelector('#table-results').parentElement"
    assert driver.execute_script(f"return {frame}.scrollWidth <= {frame}.clientWidth + 1")


def test_on_a_phone_a_wide_table_says_that_it_scrolls(show):
    driver = show(400)
    hint = driver.find_element("xpath", "//table[@id='table-results']/../preceding-sibling::p[1]")
    assert hint.is_displayed()
    assert "sideways" in hint.text


@pytest.mark.parametrize("width", [400, 1280])
def test_no_words_of_a_figure_leave_it(show, width):
    driver = show(width)
    outside = driver.execute_script(
        "return [...document.querySelectorAll('svg.chart')].flatMap(s => {"
        " const b = s.getBoundingClientRect();"
        " return b.width ? [...s.querySelectorAll('text')].filter(t => {"
        "  const r = t.getBoundingClientRect();"
        "  return r.left < b.left - 1 || r.right > b.right + 1"
        "   || r.top < b.top - 1 || r.bottom > b.bottom + 1;"
        " }).map(t => t.textContent) : []; })"
    )
    assert outside == []


def test_the_first_line_is_what_was_learnt(show, paper):
    driver = show(400)
    assert driver.find_element("css selector", "h1 + p").text == paper.model.learnt
