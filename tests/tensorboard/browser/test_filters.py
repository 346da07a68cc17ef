"""Images are filtered and sorted by their predictions at the selected epoch."""

from __future__ import annotations

import functools

import numpy as np

from tests.tensorboard.browser.page_tools import expect, logged_snapshots, shown_images
from tests.tensorboard.browser.training_runs import EPOCHS, IMAGES
from tests.tensorboard.waiting import wait_for_assertions


def test_filter_wrong_predictions_and_sort_by_confidence(page, tensorboard):
    snapshots = logged_snapshots(tensorboard, "run/b")
    ids, labels = zip(*((probe["id"], probe["labels"][0]) for probe in snapshots["probes"]), strict=True)
    for epoch in range(EPOCHS):
        page.locator("#snapshot").fill(str(epoch))
        page.get_by_label("Prediction", exact=True).select_option("wrong")
        predicted = snapshots["snapshots"]["predicted"][epoch]
        wrong = [ids[index] for index, label in enumerate(labels) if predicted[index] != label]
        found = f"{len(wrong)} of {IMAGES} images" if len(wrong) < IMAGES else f"{IMAGES} images"
        expect(page.locator(".image-count")).to_have_text(found)
        wait_for_assertions(functools.partial(assert_images, page, sorted(wrong)))
    page.get_by_label("Prediction", exact=True).select_option("all")
    page.get_by_label("Sort by").select_option("confidence")
    page.get_by_role("button", name="Ascending").click()
    confidence = snapshots["snapshots"]["confidence"][EPOCHS - 1]
    expected = [ids[index] for index in np.argsort(-np.asarray(confidence), kind="stable")]
    expect(page.get_by_role("button", name="Descending")).to_be_visible()
    wait_for_assertions(functools.partial(assert_images, page, expected))
    page.get_by_label("Search by class name").fill("ONERROR")
    expect(page.locator(".image-count")).to_have_text(f"{IMAGES // 3} of {IMAGES} images")
    page.get_by_label("Search by class name").fill("no such class")
    expect(page.get_by_role("heading", name="No matching images")).to_be_visible()
    page.get_by_role("button", name="Clear filters").last.click()
    expect(page.locator(".image-count")).to_have_text(f"{IMAGES} images")


def assert_images(page, expected: list[int]) -> None:
    assert shown_images(page) == expected


def test_predictions_that_became_wrong_and_their_number_of_changes(page):
    """Worked by hand: correct (c) or wrong (w) in the snapshots 0 to 3."""
    found = page.evaluate(
        """async (histories) => {
            const { countChanges, filterRows } = await import("./static/filters.js");
            const { DEFAULTS } = await import("./static/view_state.js");
            const rows = Object.entries(histories).map(([name, history], id) => {
                const snapshots = [0, 1, 2, 3].map((position) => ({ position }));
                const predictionAt = (at) => ({ isCorrect: history[at] === "c", confidence: null, drift: id });
                const predictionOf = ({ position }) => predictionAt(position);
                return { id, className: name, histories: [{ snapshots, predictionAt, predictionOf }] };
            });
            const shown = (changed, position) =>
                filterRows(rows, { ...DEFAULTS, ...changed }, position).map((row) => row.className);
            return {
                became: [0, 1, 2, 3].map((position) => shown({ predictionFilter: "becameWrong" }, position)),
                changes: rows.map((row) => countChanges(row.histories[0], 3)),
                restless: shown({ sort: "changes", descending: true }, 3),
                drifting: shown({ sort: "drift", descending: true }, 3),
                unknown: shown({ sort: "confidence", descending: true }, 3),
            };
        }""",
        {"good": "cccc", "lost": "ccww", "bad": "wwww", "restless": "cwcw"},
    )
    assert found["became"] == [[], ["restless"], ["lost"], ["lost", "restless"]]
    assert found["changes"] == [0, 1, 0, 3]
    assert found["restless"] == ["restless", "lost", "good", "bad"]
    assert found["drifting"] == ["restless", "bad", "lost", "good"]
    assert found["unknown"] == ["good", "lost", "bad", "restless"]  # in the order of the data
