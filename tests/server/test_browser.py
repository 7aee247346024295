"""The page in a real browser: Debian's chromium and its own driver.

``apt-get install chromium chromium-driver``; skipped where they are not.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: --group dev")
ActionChains, By, Keys = webdriver.ActionChains, webdriver.common.by.By, webdriver.Keys
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="needs chromium and its driver: apt-get install chromium chromium-driver",
)
AXE = Path(__file__).with_name("vendor") / "axe.min.js"
WAIT = 30


class Page:
    """The page, driven."""

    def __init__(self, driver, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, state: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(self.address + state)
        self.until(lambda: self.one("#count").text or self.one("#groups").text or self.message())

    def until(self, met):
        return WebDriverWait(self.driver, WAIT).until(lambda _: met())

    def one(self, selector: str):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        """Click as a hand does, wherever the page has scrolled to."""
        self.driver.execute_script(
            "arguments[0].scrollIntoView({block: 'center'})", self.one(selector)
        )
        self.one(selector).click()

    def tiles(self) -> list[int]:
        script = "return [...document.querySelectorAll('.tile')].map(t => Number(t.dataset.id))"
        return self.driver.execute_script(script)

    def message(self) -> str:
        box = self.one("#message")
        return box.text if box.is_displayed() else ""

    @property
    def state(self) -> str:
        return self.driver.execute_script("return decodeURIComponent(location.hash)")

    def settled(self) -> None:
        """Wait until no search runs."""
        self.until(lambda: "busy" not in self.one("#results").get_attribute("class"))

    def violations(self) -> list[str]:
        """What axe-core finds wrong, as "rule: selector"."""
        self.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        if not self.driver.execute_script("return 'axe' in window"):
            self.driver.execute_script(AXE.read_text("utf-8"))
        found = self.driver.execute_async_script(
            "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
        )
        return [
            f"{one['id']}: {node['target']} {node['any'][:1]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


@pytest.fixture(scope="module")
def driver() -> Iterator[object]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1280,900")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def page(driver, served) -> Iterator[Page]:
    driver.get_log("browser")
    page = Page(driver, served.address)
    page.open()
    yield page
    wrong = [
        entry["message"]
        for entry in driver.get_log("browser")
        if entry["level"] == "SEVERE" and "status of 4" not in entry["message"]
    ]
    assert wrong == []


def test_it_lists_all_photos_at_first(page, served):
    assert page.one("#welcome").is_displayed()
    assert page.one("#count").text == f"{len(served.photos)} photos"
    assert len(page.tiles()) == len(served.photos)
    assert page.all(".tile b") == page.all(".about b")  # a name is text, never markup


def test_a_photo_is_uploaded_cropped_and_taken_away(page, served):
    page.one("#file").send_keys(str(served.photos[3]))
    page.until(lambda: page.tiles()[0] == 3)
    assert "photos=u" in page.state
    before = page.tiles()
    page.click(".asked .shown")
    page.until(lambda: page.one("#cropper .cropbox").is_displayed())
    corner = page.one('.cropbox [data-at="se"]')
    stage = page.one(".cropstage").size
    ActionChains(page.driver).drag_and_drop_by_offset(
        corner, -stage["width"] // 3, -stage["height"] // 3
    ).perform()
    page.click("#cropper .strong")
    page.until(lambda: "~c0.1,0.1," in page.state)
    page.settled()
    page.until(lambda: page.tiles() != before)
    page.click(".asked .off")
    page.until(lambda: page.one("#welcome").is_displayed())


def test_a_crop_is_made_by_keys_alone(page):
    page.open("#photos=i3")
    page.until(lambda: page.all(".asked canvas"))
    page.one(".asked .shown").send_keys(Keys.ENTER)
    page.until(lambda: page.one("#cropper .cropbox").is_displayed())
    box = page.one(".cropbox")
    box.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(
        Keys.SHIFT
    ).perform()
    box.send_keys(Keys.ENTER)
    page.until(lambda: "c0.12,0.12,0.9,0.92" in page.state)


def test_words_are_completed_and_narrow(page, served):
    words = page.one("#words")
    words.send_keys("sk")
    page.until(lambda: page.one("#completions").is_displayed())
    words.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    page.until(lambda: "words=sky" in page.state)
    page.settled()
    page.until(lambda: "match" in page.one("#count").text)
    assert 0 < len(page.tiles()) < len(served.photos)
    page.click("#suggested .chip")
    page.until(lambda: ">2%" in page.state)
    page.driver.back()
    page.until(lambda: ">2%" not in page.state)
    assert words.get_attribute("value") == "sky"


def test_what_cannot_be_understood_is_said(page):
    page.one("#words").send_keys("sky:nowhere", Keys.ENTER)
    page.until(lambda: "Expected a place" in page.message())
    assert page.tiles() == []


def test_a_file_that_is_no_photo_is_said(page, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    page.one("#file").send_keys(str(tmp_path / "broken.jpg"))
    page.until(lambda: "cannot be read" in page.message())


def test_a_layout_is_painted_and_searched(page):
    page.click("#paint")
    canvas = page.one("#painter canvas")
    page.click('.colors [data-name="sky"]')
    page.click('.paintbar [aria-label="Fill"]')
    ActionChains(page.driver).move_to_element(canvas).click().perform()
    page.until(lambda: "layout=72x48:" in page.state)
    page.settled()
    whole = page.state
    page.click('.colors [data-name="grass"]')
    page.click('.paintbar [aria-label="Brush"]')
    low = canvas.size["height"] // 3
    ActionChains(page.driver).move_to_element_with_offset(
        canvas, -80, low
    ).click_and_hold().move_by_offset(160, 0).release().perform()
    page.until(lambda: page.state != whole)
    page.settled()
    assert "by blocks of classes" in page.one("#how").text
    page.click('.paintbar [aria-label="Undo"]')
    page.until(lambda: page.state == whole)


def test_a_layout_is_painted_by_keys(page):
    page.click("#paint")
    canvas = page.one("#painter canvas")
    canvas.send_keys(Keys.ARROW_UP, Keys.SPACE)
    page.until(lambda: "layout=72x48:" in page.state)


def test_marks_refine_are_undone_and_reset(page):
    page.open("#photos=i0")
    first = page.tiles()
    page.click(f'.tile[data-id="{first[4]}"] .yes')
    page.click(f'.tile[data-id="{first[0]}"] .no')
    page.click(f'.tile[data-id="{first[1]}"] .no')
    assert page.one("#marked").text == "1 right, 2 wrong"
    page.click("#undo")
    assert page.one("#marked").text == "1 right, 1 wrong"
    page.click("#refine")
    page.until(lambda: f"right={first[4]}" in page.state)
    page.settled()
    page.until(lambda: first[0] not in page.tiles())
    again = page.tiles()
    assert again.index(first[4]) <= 4
    page.open(page.state)  # as somebody would to whom the address was sent
    assert page.tiles() == again
    page.click("#reset")
    page.until(lambda: page.tiles() == first)


def test_less_like_this_is_weighed_sent_and_weighed_anew(page):
    page.open("#photos=i0")
    before = page.tiles()
    page.click(f'.tile[data-id="{before[2]}"] .open')
    page.until(lambda: page.all(".lightbox .quiet"))
    next(b for b in page.all(".lightbox .quiet") if b.text == "Less like this").click()
    page.until(lambda: f"i0;i{before[2]}~w-0.5" in page.state)
    page.settled()
    page.until(lambda: before[2] not in page.tiles())
    assert "2 photos weighed" in page.one("#how").text
    assert len(page.all(".asked .minus")) == 1
    page.open(page.state)
    page.click(".asked .minus .shown")
    page.until(lambda: page.one("#cropper .cropbox").is_displayed())
    page.one('#cropper input[type="range"]').send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.one("#cropper output").text == "−1"
    page.one('#cropper [aria-label="Less like this"]').send_keys(Keys.ARROW_LEFT)
    assert page.one("#cropper output").text == "+1"
    page.click("#cropper .row:last-child .quiet:nth-of-type(2)")
    page.until(lambda: page.state.endswith(f"photos=i0;i{before[2]}"))
    assert not page.all(".asked .minus")


def test_a_photo_is_added_to_those_that_are_asked_for(page, served):
    page.open("#photos=i0")
    page.click(".asked .another")
    page.one("#file").send_keys(str(served.photos[3]))
    page.until(lambda: "photos=i0;u" in page.state)
    page.settled()
    assert "2 photos weighed" in page.one("#how").text
    page.one("#pick").click()
    page.one("#file").send_keys(str(served.photos[4]))
    page.until(lambda: "photos=u" in page.state)


def test_as_many_are_shown_as_one_wants(page, served):
    page.open("#photos=i0&limit=10")
    assert len(page.tiles()) == 10
    assert "first 10 are shown" in page.one("#how").text
    page.click("#options")
    page.one('#limit option[value="20"]').click()
    page.until(lambda: len(page.tiles()) == 20)
    page.one('#limit option[value=""]').click()
    page.until(lambda: len(page.tiles()) == len(served.photos) - 1)


def test_distances_follow_the_signature(page):
    page.open("#photos=i0&metric=cosine")
    assert "(cosine)" in page.one("#how").text
    page.click("#options")
    page.one('#signature option[value="sbs"]').click()
    page.until(lambda: "(hamming)" in page.one("#how").text)
    named = [one.get_attribute("value") for one in page.all("#metric option")]
    assert named == ["", "hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"]
    page.one('#metric option[value="jaccard"]').click()
    page.until(lambda: "(jaccard)" in page.one("#how").text)
    page.one('#signature option[value="fused"]').click()
    page.until(lambda: not page.one("#metric").is_enabled())


def test_an_upload_is_searched_by_another_network(driver, two):
    page = Page(driver, two.address)
    page.open()
    page.one("#file").send_keys(str(two.photos[3]))
    page.until(lambda: "photos=u" in page.state)
    page.settled()
    before = page.state
    page.click("#options")
    other = page.one('#index option[value="other"]')
    assert other.text == "other: 12 by embedded"
    other.click()
    page.until(lambda: page.one("#count").text == "12 photos")
    assert page.state == before.replace("#", "#index=other&")
    assert page.tiles()[0] == 3
    page.click(".tile .open")
    page.until(lambda: "bits of their blocks differ" in page.one(".lightbox .why").text)


def test_the_lightbox_shows_why_and_follows_keys(page):
    page.open("#photos=i0")
    ids = page.tiles()
    page.click(f'.tile[data-id="{ids[1]}"] .open')
    page.until(lambda: "bits of their blocks differ" in page.one(".lightbox .why").text)
    name = page.one(".lightbox h2").text
    page.click(".lightbox .chip:nth-of-type(3)")
    page.until(lambda: page.all(".lightbox .region"))
    page.click(".lightbox .chip:nth-of-type(2)")
    assert page.one(".lightbox .blocks i").is_displayed()
    page.one(".lightbox").send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: page.one(".lightbox h2").text != name)
    page.one(".lightbox").send_keys("r")
    page.until(lambda: page.all(f'.tile.right[data-id="{ids[2]}"]'))
    page.one(".lightbox").send_keys(Keys.ESCAPE)
    page.until(lambda: not page.one("#lightbox").is_displayed())
    page.until(lambda: page.all(f'.tile[data-id="{ids[2]}"] .open:focus'))


def test_arrows_move_between_tiles(page):
    page.one(".tile .open").send_keys(Keys.ARROW_RIGHT)
    second = page.driver.switch_to.active_element
    assert second == page.all(".tile .open")[1]
    second.send_keys(Keys.ARROW_DOWN)
    third = page.driver.switch_to.active_element
    assert third.location["y"] > second.location["y"]
    assert page.until(lambda: page.all(".tile:focus-within .classes.in"))


def test_duplicates_are_shown(page):
    page.click("#duplicates")
    page.until(lambda: page.all(".group"))
    assert "Nothing is moved or removed" in page.one(".groups .lead").text
    assert page.all(".group .badge")
    assert any("copy <b>of" in one.text for one in page.all(".copy"))


def seen(page) -> dict[int, tuple[str, str]]:
    script = "return [...document.querySelectorAll('#tiles li')].map(t => {const b ="
    script += " t.getBoundingClientRect(); return [Number(t.dataset.id), b.left, b.top]})"
    return {id_: (left, top) for id_, left, top in page.driver.execute_script(script)}


def open_map(page, state: str = "") -> None:
    page.driver.get("about:blank")
    page.driver.get(page.address + "map" + state)
    page.until(lambda: page.all("#tiles li"))


def test_the_map_is_zoomed_moved_and_left_by_keys(page, served):
    page.click("#map")
    page.until(lambda: page.all("#tiles li"))
    assert page.one("#said").text.startswith(f"{len(served.photos)} photos")
    stage = page.one("#stage")
    for _ in range(3):
        stage.send_keys("+")
    page.until(lambda: "z=3" in page.state and "photos here" in page.one("#said").text)
    before = page.state
    stage.send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: page.state != before)
    stage.send_keys("0")
    page.until(lambda: page.state == "")
    page.until(lambda: len(seen(page)) > 10)
    stage.send_keys(Keys.TAB)
    first = page.driver.switch_to.active_element
    assert first.tag_name == "a"
    assert len([a for a in page.all("#tiles a") if a.get_attribute("tabindex") == "0"]) == 1
    first.send_keys(Keys.ARROW_LEFT)
    second = page.driver.switch_to.active_element
    assert second.location["x"] < first.location["x"]
    id_ = second.find_element(By.XPATH, "..").get_attribute("data-id")
    second.send_keys(Keys.ENTER)
    page.until(lambda: page.state == f"#photos=i{id_}")


def test_the_map_follows_the_mouse_and_its_address(page):
    open_map(page, "#z=2&x=0.5&y=0.5")
    page.until(lambda: "photos here" in page.one("#said").text)
    before = seen(page)
    stage = page.one("#stage")
    ActionChains(page.driver).move_to_element(stage).click_and_hold().move_by_offset(
        -90, 40
    ).release().perform()
    assert page.driver.current_url.startswith(page.address + "map")  # a drag is no click
    after = seen(page)
    moved = [(after[i][0] - before[i][0], after[i][1] - before[i][1]) for i in before if i in after]
    assert moved
    assert all(abs(x + 90) < 2 and abs(y - 40) < 2 for x, y in moved)
    page.until(lambda: "x=0.5&y=0.5" not in page.state)
    again = page.state
    open_map(page, again)
    page.until(lambda: page.state == again)
    page.click("#whole")
    page.until(lambda: page.state == "")
    assert not page.one("#out").is_enabled()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_map_has_no_barriers(page, theme, width):
    page.driver.set_window_size(width, 900)
    page.driver.execute_script(f"localStorage.setItem('theme', '{theme}')")
    open_map(page)
    assert page.violations() == []
    wide = "return document.documentElement.scrollWidth - innerWidth"
    assert page.driver.execute_script(wide) <= 0
    page.driver.execute_script("localStorage.clear()")
    page.driver.set_window_size(1280, 900)


def test_near_duplicates_are_stacked_and_opened(page, served):
    page.open("#photos=i7")
    shown = "return [...document.querySelectorAll('.tile:not([hidden])')].length"
    every = page.driver.execute_script(shown)
    page.click("#options")
    page.click("#stack")
    page.until(lambda: page.all(".tile .pile"))
    assert "stack=1" in page.state
    assert page.driver.execute_script(shown) == every - 1
    assert "1 near-duplicate stacked" in page.one("#how").text
    (pile,) = page.all(".tile .pile")
    assert pile.text == "2"
    assert "2 near-duplicates: " in pile.get_attribute("aria-label")
    page.click(".pile")
    assert pile.get_attribute("aria-expanded") == "true"
    assert page.driver.execute_script(shown) == every
    leader = page.one(".tile.opened")
    copy = page.driver.execute_script("return arguments[0].nextElementSibling", leader)
    assert copy.get_attribute("data-copy-of") == leader.get_attribute("data-id")
    assert page.violations() == []
    page.click(".pile")
    leader.find_element(By.CSS_SELECTOR, ".open").send_keys(Keys.ARROW_RIGHT)
    assert page.driver.switch_to.active_element.is_displayed()
    page.click("#stack")
    page.until(lambda: not page.all(".tile .pile"))
    assert page.driver.execute_script(shown) == every


@pytest.mark.parametrize("kind", ["json", "csv", "paths", "zip"])
def test_what_is_shown_is_exported(page, tmp_path, kind):
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    page.open("#photos=i0&limit=10")
    page.click("#options")
    page.click(f'[data-export="{kind}"]')
    target = tmp_path / f"photos.{'txt' if kind == 'paths' else kind}"
    page.until(target.exists)
    if kind == "zip":
        with zipfile.ZipFile(target) as archive:
            assert len(archive.namelist()) == 11
    elif kind == "json":
        assert [row["id"] for row in json.loads(target.read_text())] == page.tiles()
    else:
        assert len(target.read_text().splitlines()) == 10 + (kind == "csv")


def test_an_upload_that_is_gone_is_said(page):
    page.open("#photos=u" + "0" * 32)
    assert "no longer here" in page.message()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_has_barriers(page, theme, width):
    for state in ("", "#photos=i0", "#view=duplicates", "#words=sky:nowhere"):
        page.driver.set_window_size(width, 900)
        page.driver.execute_script(f"localStorage.setItem('theme', '{theme}')")
        page.open(state)
        assert page.violations() == [], state
        wide = "return document.documentElement.scrollWidth - innerWidth"
        assert page.driver.execute_script(wide) <= 0, "the page scrolls sideways"
    page.open("#photos=i0")
    page.click("#options")
    assert page.violations() == []
    page.click("#options")
    page.click(".tile .open")
    page.until(lambda: page.all(".lightbox .shares li"))
    assert page.violations() == []
    page.one(".lightbox").send_keys(Keys.ESCAPE)
    page.until(lambda: not page.one("#lightbox").is_displayed())
    page.click("#paint")
    assert page.violations() == []
    page.driver.execute_script("localStorage.clear()")
    page.driver.set_window_size(1280, 900)


def test_nothing_moves_while_pictures_load(page):
    script = (
        "new PerformanceObserver(l => { window.shift = (window.shift || 0) +"
        " l.getEntries().reduce((s, e) => s + (e.hadRecentInput ? 0 : e.value), 0) })"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    page.open("#photos=i0")
    page.until(lambda: page.all(".tile .photo.in"))
    assert page.driver.execute_script("return window.shift || 0") < 0.1
