"""The page in a real browser: every control, with a server and without one."""

import functools
import http.server
import threading
import types

import numpy as np
import pytest
from PIL import Image

from facegan_tf import load_generator
from facegan_tf.serving.directions import Directions
from facegan_tf.serving.export import export_run
from facegan_tf.serving.face import Face
from facegan_tf.serving.generator import FaceGenerator
from facegan_tf.serving.server.service import Service
from facegan_tf.serving.web import RUNTIME
from tests.helpers.browser import chromium
from tests.helpers.configs import tiny_config
from tests.helpers.served import listening, untrained_run

pytestmark = pytest.mark.slow

LATENT_DIM = 4
SIZE = 32

# Stands in for ONNX Runtime: it paints the latents themselves, so that they can be compared with ours.
FAKE_RUNTIME = """
export const env = { wasm: {} };
export class Tensor {
  constructor(type, data, dims) { Object.assign(this, { type, data, dims }); }
}
export const InferenceSession = {
  create: async (generator) => ({
    run: async ({ latents: { data } }) => {
      if (!generator.length || !env.wasm.wasmBinary.byteLength) throw new Error("not loaded");
      const level = (_, place) => Math.round(data[place % data.length] * 30 + 128);
      return { images: { data: Uint8Array.from({ length: 32 * 32 * 3 }, level) } };
    },
  }),
};
"""


LATENTS = """async ([recipe, length, directions]) => {
    const { latentsOf } = await import("./page/latents.js");
    return [...latentsOf(recipe, length, directions)];
}"""
WIDE = 70
"""Latents of a wider net than the one that the page shows."""
WIDE_MODEL = types.SimpleNamespace(
    generator=FaceGenerator(None, WIDE),
    directions=Directions(np.eye(WIDE, dtype=np.float32)[:3], np.ones(3, np.float32)),
)
RECIPES = (
    {"seed": str(2**63 - 1), "truncation": 1, "mix": None, "share": 0.5, "moves": {}},
    {"seed": "5", "truncation": 0.7, "mix": str(2**40), "share": 0.3, "moves": {"0": 1.5, "2": -2}},
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    return folder, untrained_run(folder, tiny_config())


@pytest.fixture(scope="module")
def address(run):
    with listening(Service(run[0], "faces")) as (host, port):
        yield f"{host}:{port}"


def ready(browser, selector, count):
    browser.eventually(lambda: browser.page.locator(f"{selector} img.ready").count() == count)


def moved(browser, selector, value):
    """Move a slider as a person would, so that the page gets the event."""
    browser.page.locator(selector).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }",
        value,
    )


def use_every_control(browser):
    """Use all controls but those that need a server."""
    page = browser.page
    ready(browser, "#wall", 36)
    before = page.locator("#wall").bounding_box()
    page.get_by_role("button", name="Face 7", exact=True).click()
    browser.eventually(lambda: "face=7&" in page.url)
    assert page.locator("#face-title").inner_text() == "Face 7"
    page.locator("#next").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.locator("#previous").click()
    assert page.locator("#seed").input_value() == "7"
    page.locator("#seed").fill("9223372036854775808")
    assert page.locator("#seed").evaluate("field => field.validity.valid") is False
    page.locator("#seed").fill("12")
    page.locator("#seed").blur()
    moved(browser, "#truncation", 0.5)
    page.locator("#mixing summary").click()
    page.locator("#mix").fill("30")
    moved(browser, "#share", 0.4)
    assert "30" in page.locator("#face-title").inner_text()
    assert page.locator("#directions input").count() == LATENT_DIM
    moved(browser, "#directions .direction:nth-child(2) input", 1.5)
    assert "#face=12~30~0.4!1:1.5&t=0.5" in page.url
    page.keyboard.press("f")
    assert page.locator("#favourite").get_attribute("aria-pressed") == "true"
    ready(browser, "#favourites", 1)
    page.locator("#directions-clear").click()
    page.locator("#mix-clear").click()
    page.locator("#favourites .tile").click()
    assert "#face=12~30~0.4!1:1.5" in page.url
    for name in ("Face 2", "Face 3"):
        page.get_by_role("button", name=name, exact=True).click()
        page.locator("#add-to-walk").click()
    ready(browser, "#walk-stops", 2)
    page.locator("#walk-play").click()
    browser.eventually(lambda: int(page.locator("#walk-place").input_value()) > 2)
    page.locator("#walk-play").click()
    assert page.locator("#walk-play").inner_text() == "Play"
    with page.expect_download() as download:
        page.locator("#walk-gif").click()
    gif = Image.open(download.value.path())
    assert (gif.format, gif.n_frames) == ("GIF", 48)
    with page.expect_download() as download:
        page.locator("#save-png").click()
    assert Image.open(download.value.path()).size == (SIZE, SIZE)
    page.locator("#wall-next").click()
    assert page.locator("#wall-range").inner_text() == "37 to 72"
    ready(browser, "#wall", 36)
    after = page.locator("#wall").bounding_box()
    assert (before["width"], before["height"]) == (after["width"], after["height"])
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    ready(browser, "#wall", 36)
    assert (page.url, page.locator("#wall-range").inner_text()) == (link, "37 to 72")
    assert page.locator("#walk-stops .tile").count() == 2 and page.locator("#favourites .tile").count() == 1


def test_each_control_works_with_a_server_and_nothing_comes_from_other_sites(run, address, tmp_path):
    _, (gan, checkpoints) = run
    with chromium(tmp_path / "profile") as browser:
        browser.page.goto(f"http://{address}/")
        use_every_control(browser)
        gan.clock.step.assign(gan.steps_done + 1)
        checkpoints.save()
        browser.page.reload()
        browser.page.locator("#reload").click()
        browser.eventually(lambda: not browser.page.locator("#reload").is_visible())
        assert f"step {gan.steps_done}" in browser.page.locator("#facts").inner_text()
        browser.page.goto(f"http://{address}/docs")
        browser.page.locator("[data-path='/grid.png']").first.wait_for()
    assert not browser.problems
    assert browser.hosts == {address}


def test_a_gif_has_as_many_frames_as_the_queue_of_the_server_holds(run, tmp_path):
    service = Service(run[0], "faces")
    service.current.max_faces = 21  # as for 512 pixels
    with listening(service) as (host, port), chromium(tmp_path / "profile") as browser:
        browser.page.goto(f"http://{host}:{port}/#walk=1,2,3")
        with browser.page.expect_download() as download:
            browser.page.locator("#walk-gif").click()
        assert Image.open(download.value.path()).n_frames == 21


def test_the_page_fits_screens_of_all_widths_and_its_controls_have_names(address, tmp_path):
    with chromium(tmp_path / "profile") as browser:
        for width in (390, 1280):
            browser.page.set_viewport_size({"width": width, "height": 800})
            browser.page.goto(f"http://{address}/#walk=1,2")
            ready(browser, "#wall", 36)
            wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert browser.page.locator("html").evaluate(wide) == 0
        unnamed = """page => [...page.querySelectorAll("button, input, a")].filter((each) => !(
            each.getAttribute("aria-label") || each.textContent.trim() || each.labels?.length
        )).map((each) => each.id)"""
        assert browser.page.locator("html").evaluate(unnamed) == []
    assert not browser.problems


@pytest.fixture(scope="module")
def web_export(run, tmp_path_factory):
    pytest.importorskip("tf2onnx", reason="needs facegan_tf[onnx]")
    runtime = tmp_path_factory.mktemp("runtime")
    (runtime / RUNTIME["module"][0]).write_text(FAKE_RUNTIME)
    (runtime / RUNTIME["wasm"][0]).write_bytes(b"wasm")
    out = tmp_path_factory.mktemp("exports") / "web"
    with pytest.MonkeyPatch.context() as patch:  # the runtime above needs no real network
        patch.setattr("facegan_tf.serving.web.write_onnx", lambda _, path, __: path.write_bytes(b"onnx"))
        export_run(run[0], out, "web", runtime=runtime)
    return out


def test_each_control_works_without_a_server_and_a_seed_has_the_same_latents(run, web_export, tmp_path):
    handler = functools.partial(QuietHandler, directory=web_export)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        with chromium(tmp_path / "profile") as browser:
            browser.page.goto(f"http://{host}/")
            use_every_control(browser)
            generator = load_generator(run[0])
            for seed in (0, 2**32 + 5, 2**63 - 1):
                browser.page.goto(f"http://{host}/#t=0.5&walk={seed}")
                browser.page.reload()
                browser.page.locator("#walk-frame[src]").wait_for()
                latents = 0.5 * generator.latents([seed])[0]
                expected = np.tile(np.round(latents * 30 + 128), SIZE * SIZE * 3 // LATENT_DIM)
                assert np.abs(np.array(browser.pixels("#walk-frame")) - expected).max() <= 1
            for recipe in RECIPES:
                moves = tuple((int(number), far) for number, far in recipe["moves"].items())
                mix = None if recipe["mix"] is None else int(recipe["mix"])
                face = Face(int(recipe["seed"]), recipe["truncation"], mix, recipe["share"], moves)
                drawn = browser.page.evaluate(LATENTS, [recipe, WIDE, np.eye(WIDE)[:3].tolist()])
                np.testing.assert_allclose(drawn, face.latents(WIDE_MODEL)[0], atol=1e-5)
        assert not browser.problems
        assert browser.hosts == {host}
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files, without a line for each."""

    def log_message(self, *_):
        pass
