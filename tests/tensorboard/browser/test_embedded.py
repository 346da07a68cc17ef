"""TensorBoard inside other pages: notebooks, editors, and reverse proxies that serve it below a prefix."""

from __future__ import annotations

import html
import sys
import types
import urllib.parse

import numpy as np
import pytest
from PIL import Image
from tensorboard import notebook

from camaug.tensorboard.report import make_report
from tests.tensorboard.browser.page_tools import CURRENT_CELL, expect, wait_for_script
from tests.tensorboard.browser.training_runs import EPOCHS
from tests.tensorboard.local_server import proxy_to, serve_page
from tests.tensorboard.tensorboard_process import TensorBoardProcess

OTHER_HOST = "localhost"  # another site than 127.0.0.1, to which browsers deny the storage of TensorBoard's site


def notebook_output(monkeypatch, tensorboard, display: str) -> str:
    """Return what a function of TensorBoard's notebook module displays."""
    displayed: list[str] = []
    display_module = types.ModuleType("IPython.display")
    vars(display_module).update(HTML=str, Javascript=str, display=displayed.append)
    module = types.ModuleType("IPython")
    vars(module).update(display=display_module)
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", display_module)
    getattr(notebook, display)(port=urllib.parse.urlsplit(tensorboard.url).port, height=800, display_handle=None)
    return displayed[0]


def in_frame(url: str, attributes: str = "") -> str:
    return f'<body><iframe style="width: 100%; height: 1200px" {attributes} src="{url}"></iframe></body>'


def open_tab(page):
    """Open the tab of a TensorBoard that is an iframe of the page, and return the tab's frame."""
    tensorboard_frame = page.frame_locator("iframe")
    tensorboard_frame.get_by_role("tab", name="camaug").click()
    frame = tensorboard_frame.frame_locator("iframe")
    frame.locator(CURRENT_CELL).wait_for()
    return frame


def copied_link(page, frame) -> str:
    """Copy the link to the view, and return it from a paste into the outer page."""
    frame.locator("summary", has_text="Export").click()
    frame.get_by_text("Copy link to this view").click()
    expect(frame.get_by_text("Link copied.")).to_be_visible()
    page.evaluate("document.body.prepend(Object.assign(document.createElement('textarea'), {id: 'pasted'}))")
    page.locator("#pasted").focus()
    page.keyboard.press("Control+V")
    return page.locator("#pasted").input_value()


def assert_link_restores_epoch(make_page, link: str, epoch: int) -> None:
    page = make_page(link, ready=None)
    expect(page.frame_locator("iframe").locator(".snapshot-label")).to_have_text(f"epoch {epoch}")


def assert_offers_image(frame) -> None:
    """Save the view, and check that the page shows the same image for saving it by hand."""
    offered = frame.get_by_alt_text(f"camaug-strip-epoch-{EPOCHS - 1}.png")
    expect(offered).to_be_visible()
    message = frame.get_by_text("right-click the image to save it")
    expect(message).to_be_visible()
    assert message.evaluate("(text) => text.scrollWidth <= text.clientWidth")  # all of it, on several lines
    assert offered.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") > 500


def test_the_tab_works_in_a_notebook(make_page, tensorboard, monkeypatch):
    output = notebook_output(monkeypatch, tensorboard, "_display_ipython")
    with serve_page(f"<h1>A notebook</h1>{output}") as server:
        page = make_page(server.url, ready=None)
        frame = open_tab(page)
        assert frame.locator(".column button").count() == EPOCHS
        frame.locator(".column button").nth(1).click()
        expect(frame.locator(".snapshot-label")).to_have_text("epoch 1")
        link = copied_link(page, frame)
        assert link.startswith(f"{tensorboard.url}#camaug&p.camaug.view=")
        assert_link_restores_epoch(make_page, link, 1)


def test_the_tab_works_in_colab(make_page, tensorboard, monkeypatch):
    script = notebook_output(monkeypatch, tensorboard, "_display_colab")
    runtime = f"google = {{colab: {{kernel: {{proxyPort: async () => '{tensorboard.url}'}}}}}}"
    with serve_page(f"<body><script>{runtime}</script><script>{script}</script></body>") as server:
        page = make_page(server.url, ready=None)
        frame = open_tab(page)
        with page.expect_download() as download:
            frame.locator("summary", has_text="Export").click()
            frame.get_by_text("Save view as PNG").click()
        assert np.asarray(Image.open(download.value.path())).std() > 5
        assert_offers_image(frame)
        assert "tensorboardColab=true" in page.frames[1].url


def test_the_image_is_offered_where_an_editor_blocks_downloads(make_page, tensorboard):
    sandbox = 'sandbox="allow-scripts allow-same-origin allow-forms"'
    with serve_page(in_frame(tensorboard.url, sandbox)) as server:
        page = make_page(server.url, ready=None)
        blocked = []
        page.on("console", lambda message: blocked.append("Download is disallowed" in message.text))
        frame = open_tab(page)
        frame.locator("summary", has_text="Export").click()
        frame.get_by_text("Save view as PNG").click()
        assert_offers_image(frame)
        assert any(blocked)
        frame.locator("summary", has_text="Export").click()
        expect(frame.locator(".export-preview")).to_be_hidden()
        assert frame.locator(".export-preview").get_attribute("src") is None


def test_the_tab_alone_works_where_storage_is_denied(make_page, tensorboard):
    with serve_page(in_frame(tensorboard.tab_url), OTHER_HOST) as server:
        page = make_page(server.url, ready=None)
        frame = page.frame_locator("iframe")
        frame.locator(CURRENT_CELL).wait_for()
        is_denied = "() => { try { return !localStorage; } catch { return true; } }"
        assert page.frames[1].evaluate(is_denied)
        frame.locator(".column button").nth(2).click()
        expect(frame.locator(".snapshot-label")).to_have_text("epoch 2")
        wait_for_script(page.frames[1], "location.hash.includes('epoch')")
        link = copied_link(page, frame)
        other = make_page(link)
        expect(other.locator(".snapshot-label")).to_have_text("epoch 2")


def test_the_link_is_shown_where_copying_is_denied(make_page, tensorboard):
    page = make_page(tensorboard.tab_url)
    page.locator(".column button").nth(1).click()
    page.evaluate(
        """() => {
            Object.defineProperty(navigator, "clipboard", { value: undefined });
            document.execCommand = () => false;
        }"""
    )
    page.locator("summary", has_text="Export").click()
    page.get_by_text("Copy link to this view").click()
    expect(page.get_by_text("may not use the clipboard")).to_be_visible()
    link = page.get_by_label("Link to this view")
    link.focus()
    assert page.evaluate("getSelection().toString()") == link.input_value()
    other = make_page(link.input_value())
    expect(other.locator(".snapshot-label")).to_have_text("epoch 1")


def test_a_report_without_an_address_of_its_own_works(make_page, logdir):
    report = make_report(logdir / "run" / "b").decode()
    attributes = f'sandbox="allow-scripts" style="width: 100%; height: 1200px" srcdoc="{html.escape(report)}"'
    with serve_page(f"<body><iframe {attributes}></iframe></body>") as server:
        page = make_page(server.url, ready=None)
        frame = page.frame_locator("iframe")
        frame.locator(".column button").nth(1).click()
        expect(frame.locator(".snapshot-label")).to_have_text("epoch 1")
        frame.locator("summary", has_text="Export").click()
        frame.get_by_text("Copy link to this view").click()
        expect(frame.get_by_text("no address that could restore the view")).to_be_visible()
        frame.get_by_text("Save view as PNG").click()
        expect(frame.get_by_alt_text("camaug-strip-epoch-1.png")).to_be_visible()


@pytest.mark.parametrize("is_stripped", [True, False])
def test_the_tab_works_behind_a_proxy_with_a_prefix(make_page, logdir, is_stripped):
    prefix = "/user/ann/proxy"
    options = [] if is_stripped else ["--path_prefix", prefix]
    with (
        TensorBoardProcess(logdir, *options) as tensorboard,
        proxy_to(tensorboard.url, prefix, is_stripped=is_stripped) as proxy,
    ):
        page = make_page(f"{proxy.url.rstrip('/')}{prefix}/#camaug", ready=None)
        frame = page.frame_locator("iframe")
        frame.locator(CURRENT_CELL).wait_for()
        frame.locator(".column button").nth(1).click()
        frame.locator(CURRENT_CELL).press("Enter")
        expect(frame.get_by_role("heading", name="left, image 0")).to_be_visible()
        wait_for_script(page, "decodeURIComponent(location.hash).includes('details')")
        assert page.url.startswith(f"{proxy.url.rstrip('/')}{prefix}/#camaug&p.camaug.view=")
        page.reload()
        expect(frame.locator(".snapshot-label")).to_have_text("epoch 1")


def test_the_tab_works_below_a_prefix_without_a_proxy(make_page, logdir):
    with TensorBoardProcess(logdir, "--path_prefix", "/some/prefix") as tensorboard:
        page = make_page(f"{tensorboard.url.rstrip('/')}/some/prefix/#camaug", ready=None)
        frame = page.frame_locator("iframe")
        frame.locator(CURRENT_CELL).wait_for()
        expect(frame.locator(".column button")).to_have_count(EPOCHS)


def test_a_page_of_another_origin_can_read_nothing(make_page, tensorboard):
    """The other page may be a hostile one, opened in the same browser as TensorBoard."""
    data = f"{tensorboard.url}data/plugin/camaug"
    image = f"{data}/original?run=run/b&prefix=cam&probe=0"
    assert tensorboard.fetch("original", run="run/b", prefix="cam", probe=0)
    script = """async ([data, image]) => {
        const isRefused = (promise) => promise.then(() => false, () => true);
        const element = new Image();
        const shown = new Promise((resolve) => {
            element.onload = () => resolve(true);
            element.onerror = () => resolve(false);
        });
        element.src = image;
        return {
            read: await isRefused(fetch(`${data}/runs`)),
            load: await isRefused(fetch(`${data}/runs`, { mode: "no-cors" })),
            post: await isRefused(fetch(`${data}/runs`, { mode: "no-cors", method: "POST" })),
            code: await isRefused(import(`${data}/static/index.js`)),
            image: !(await shown),
        };
    }"""
    for host in ("127.0.0.1", OTHER_HOST):
        with serve_page("<h1>Another page</h1>", host) as server:
            page = make_page(server.url, ready=None)
            refused = page.evaluate(script, [data, image])
            assert refused == dict.fromkeys(refused, True)
