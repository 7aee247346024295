"""Make the pictures of the page in docs/serve, from rendered scenes, with a real browser.

    python -m scripts.serve_pictures [FOLDER [WIDTH ...]]

Needs ``apt-get install chromium chromium-driver`` and selenium. Each picture is the page at 360,
768 or 1,440 pixels, light or dark; review them after every change of the page.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from semsig.engine import Engine
from semsig.synthetic import write_scenes

SIZES = {360: 740, 768: 1024, 1440: 900}
WAIT = (
    "return !document.querySelector('.busy') && document.querySelectorAll('.in').length > 2"
    " && ![...document.querySelectorAll('.tile .photo, #tiles img, .copy img')].some(i => {"
    " const b = i.getBoundingClientRect();"
    " return b.top < innerHeight && b.bottom > 0 && b.left < innerWidth && !i.complete })"
)
PAINTED = "layout=72x48:{sky}*1440,{sea}*1008,{sand}*1008"


def copied(photo: Path) -> Path:
    """Return a smaller copy of a photo, beside it."""
    copy = photo.with_stem(f"{photo.stem}-small")
    with PillowImage.open(photo) as picture:
        picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)).save(copy, quality=70)
    return copy


def until(driver: Any, script: str, seconds: float = 20) -> None:
    """Wait until a script returns true and all animations have ended."""
    ends = time.monotonic() + seconds
    while not driver.execute_script(script) and time.monotonic() < ends:
        time.sleep(0.1)
    time.sleep(0.8)


def lightbox(driver: Any) -> None:
    """Open a photo with its classes and blocks."""
    driver.execute_script("document.querySelectorAll('.tile .open')[1].click()")
    until(driver, "return document.querySelectorAll('.lightbox .blocks i').length > 60")
    driver.execute_script(
        "[...document.querySelectorAll('.lightbox .chip')].slice(0, 2).forEach(b => b.click())"
    )
    time.sleep(0.6)


def paint(driver: Any) -> None:
    """Open the painter."""
    driver.execute_script("document.getElementById('paint').click()")
    time.sleep(1)


def mark(driver: Any) -> None:
    """Mark two photos right and one wrong."""
    driver.execute_script(
        "const t = document.querySelectorAll('.tile');"
        "for (const n of [0, 2]) t[n].querySelector('.yes').click();"
        "t[1].querySelector('.no').click()"
    )
    time.sleep(0.6)


def stack(driver: Any) -> None:
    """Open a stack of near-duplicates, and the options."""
    driver.execute_script(
        "document.querySelector('.pile')?.click(); document.getElementById('options').click()"
    )
    time.sleep(0.6)


def copies(driver: Any) -> None:
    """Wait for groups of near-duplicates."""
    until(driver, "return document.querySelectorAll('.group').length")
    until(driver, WAIT)


def shoot(driver: Any, address: str, folder: Path, layout: str, widths: Sequence[int]) -> None:
    """Take every picture at the given widths."""
    nothing: Callable[[Any], None] = lambda _: None  # noqa: E731
    views = {
        "home": ("", nothing),
        "words": ("#words=a beach, no car", nothing),
        "why": ("#photos=i34", lightbox),
        "marks": ("#photos=i34", mark),
        "paint": (f"#{layout}", paint),
        "stack": ("#photos=i34&stack=1", stack),
        "copies": ("#view=duplicates", copies),
        "map": ("map", nothing),
    }
    for width in widths:
        height = SIZES[width]
        for theme in ("light", "dark"):
            driver.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
            )
            for name, (state, act) in views.items():
                driver.get("about:blank")
                driver.get(address)
                driver.execute_script(f"localStorage.setItem('theme', '{theme}')")
                driver.get("about:blank")
                driver.get(address + state)
                until(driver, WAIT if name != "copies" else "return true")
                act(driver)
                with PillowImage.open(io.BytesIO(driver.get_screenshot_as_png())) as picture:
                    picture.convert("RGB").save(folder / f"{name}-{width}-{theme}.webp", quality=72)


def main(folder: str = "docs/serve", *widths: str) -> None:
    """Render scenes, index and serve them, and take the pictures."""
    from selenium import webdriver

    Path(folder).mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with tempfile.TemporaryDirectory() as place:
        photos = sorted(write_scenes(Path(place, "scenes"), 220).glob("*/*.jpg"))
        photos += [copied(photos[34]), copied(photos[60])]
        engine = Engine.create(Path(place, "holidays"))
        engine.add(photos)
        classes = engine.index.schema.classes
        layout = PAINTED.format(**{name: classes.index(name) for name in ("sky", "sea", "sand")})
        command = [sys.executable, "-u", "-m", "semsig", "serve", "--port", "0", "--index"]
        with subprocess.Popen(
            [*command, Path(place, "holidays")], stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            address = server.stdout.readline().split(" at ")[1].strip()
            driver = webdriver.Chrome(options=options, service=service)
            try:
                shoot(driver, address, Path(folder), layout, [int(w) for w in widths] or [*SIZES])
            finally:
                driver.quit()
                server.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:])
