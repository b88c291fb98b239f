"""A real browser for the tests of pages, which are skipped if there is none."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """A page in Chromium, and what went wrong on it."""

    def __init__(self, page):
        self.page = page
        self.problems, self.hosts = [], set()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def _note(self, kind, text):
        if kind in ("error", "warning"):
            self.problems.append(text)

    def pixels(self, selector):
        """The pixels of an image element in its own size, RGB bytes."""
        script = """image => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            return [...data].filter((_, place) => place % 4 < 3);
        }"""
        return self.page.locator(selector).evaluate(script)

    def eventually(self, condition, seconds=60):
        """Wait until a function of the page's state holds. It is called here: the page allows no `eval`."""
        for _ in range(int(seconds / 0.05)):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("did not happen in time")


@contextlib.contextmanager
def chromium(folder: Path, **options: object) -> Iterator[Browser]:
    """In the block, a browser with its own profile in `folder`. Skips the test if there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, args=FLAGS, headless=True, **options
        )
        context.set_default_timeout(60_000)
        try:
            yield Browser(context.new_page())
        finally:
            context.close()
