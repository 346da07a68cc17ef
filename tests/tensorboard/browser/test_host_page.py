"""Inside TensorBoard the tab follows its dark mode, its address and its reload button."""

from __future__ import annotations

from tests.tensorboard.browser.page_tools import CURRENT_CELL, expect, shown_position, view_hash, wait_for_script
from tests.tensorboard.browser.training_runs import EPOCHS, IMAGES


def test_tensorboard_shows_the_tab_with_every_snapshot(make_page, tensorboard):
    page = make_page(tensorboard.url, ready=None)
    page.get_by_role("tab", name="camaug").click()
    frame = page.frame_locator("iframe")
    frame.locator(CURRENT_CELL).wait_for()
    assert frame.locator(".column button").all_inner_texts() == [str(epoch) for epoch in range(EPOCHS)]
    assert frame.locator(".image-row").count() == IMAGES
    assert frame.locator(".series-line").count() == IMAGES  # one series: the newest run has one method
    assert page.title() == "TensorBoard"


def test_the_tab_follows_the_dark_mode(make_page, tensorboard):
    page = make_page(f"{tensorboard.url}?darkMode=true#camaug", ready=None)
    root = page.frame_locator("iframe").locator(".camaug")
    root.wait_for()
    assert root.get_attribute("data-theme") == "dark"
    background = "(node) => getComputedStyle(node).backgroundColor"
    dark = root.evaluate(background)
    page.evaluate("document.body.classList.remove('dark-mode')")
    expect(root).to_have_attribute("data-theme", "light")
    assert root.evaluate(background) != dark


def test_a_reload_and_a_copied_link_restore_the_view(make_page, tensorboard):
    page = make_page(f"{tensorboard.url}#camaug", ready=None)
    frame = page.frame_locator("iframe")
    frame.get_by_label("Colour map").select_option("inferno")
    frame.locator(".column button").nth(1).click()
    frame.locator(CURRENT_CELL).press("Enter")
    wait_for_script(page, 'decodeURIComponent(location.hash).includes(\'"page":"details"\')')
    page.reload()
    expect(frame.locator(".snapshot-label")).to_have_text("epoch 1")
    expect(frame.get_by_role("heading", name="left, image 0")).to_be_visible()
    assert frame.get_by_label("Colour map").input_value() == "inferno"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frame.locator("summary", has_text="Export").click()
    frame.get_by_text("Copy link to this view").click()
    expect(frame.get_by_text("Link copied.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    other = make_page(link, ready=None).frame_locator("iframe")
    expect(other.locator(".snapshot-label")).to_have_text("epoch 1")
    expect(other.get_by_role("heading", name="left, image 0")).to_be_visible()
    assert other.get_by_label("Colour map").input_value() == "inferno"


def test_invalid_values_in_a_link_are_ignored(make_page, tensorboard):
    state = {
        "colormap": "nonsense",
        "opacity": 7,
        "snapshot": {"epoch": 1},
        "page": "<b>",
        "row": 3,
        "compareSnapshot": {"step": "1"},
        "other": 1,
        "sort": "drift",
    }
    page = make_page(f"{tensorboard.tab_url}#{view_hash(**state)}")
    assert page.get_by_label("Colour map").input_value() == "viridis"
    assert page.get_by_label("Sort by").input_value() == "drift"
    assert shown_position(page) == "epoch 1"
    broken = make_page(f"{tensorboard.tab_url}#p.camaug.view=%7Bbroken")
    assert shown_position(broken) == f"epoch {EPOCHS - 1}"
