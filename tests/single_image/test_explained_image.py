from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

import camaug
from camaug import ExplainedImage, explain
from camaug.explainers.provenance import describe
from tests.single_image.photos import GRAD, NAMES, photo


def test_top_is_sorted_and_named(net):
    explained = explain(net, photo(), GRAD, class_names=NAMES)
    probabilities = explained.logits.softmax(0)
    order = probabilities.argsort(descending=True).tolist()
    assert explained.top(2) == [(NAMES[index], pytest.approx(float(probabilities[index]))) for index in order[:2]]
    assert len(explained.top(50)) == 5
    assert explained.class_name == explained.top(1)[0][0]


def test_the_record_names_a_function_as_target(net):
    explained = explain(net, torch.rand(3, 16, 16), "grad-cam", lambda logits: logits[:, 1] - logits[:, 0])
    assert "a function of the logits, predicted" in repr(explained)
    assert set(explained.record["target"]) == {"function"}
    assert explained.record["predicted"]["index"] == explained.target


def test_explained_image_is_offered():
    assert camaug.ExplainedImage is ExplainedImage
    assert callable(camaug.explain)


def test_a_notebook_shows_image_and_overlay_side_by_side(net):
    explained = explain(net, photo(), GRAD, "bee", class_names=NAMES)
    shown = Image.open(io.BytesIO(explained._repr_png_()))
    assert shown.format == "PNG"
    assert shown.width == 224 + 4 + 224
    assert shown.height > 224 + 20  # the caption
    pixels = v2.functional.pil_to_tensor(shown)
    assert torch.equal(pixels[:, :224, :224], (explained.image * 255).round().byte())
    assert torch.equal(pixels[:, :224, 228:], (explained.overlay * 255).round().byte())
    assert pixels[:, 224:].float().std() > 10  # something is written there
    assert repr(explained).startswith(f"ExplainedImage('bee' at {explained.confidence:.1%} by grad-cam at body, 224 × ")


def test_small_images_are_shown_enlarged(net):
    shown = Image.open(io.BytesIO(explain(net, torch.rand(3, 30, 20), GRAD)._repr_png_()))
    assert shown.width == 2 * 12 * 20 + 4


@pytest.mark.parametrize("raw", ["png", "npy"])
def test_saved_files_hold_the_overlay_the_map_and_the_record(net, tmp_path, raw):
    explained = explain(net, photo(), GRAD, "bee", class_names=NAMES)
    files = explained.save(tmp_path / "new", "a/b", raw=raw)
    assert sorted(path.relative_to(tmp_path / "new/a").as_posix() for path in files) == sorted(
        ["b_overlay.png", f"b_map.{raw}", "b.json"]
    )
    assert sorted((tmp_path / "new/a").iterdir()) == sorted(files)  # nothing is left of the way there
    written = v2.functional.pil_to_tensor(Image.open(files[0]))
    assert torch.equal(written, (explained.overlay * 255).round().byte())
    if raw == "png":
        grey = Image.open(files[1])
        assert grey.mode.startswith("I;16")
        assert np.array_equal(np.asarray(grey), np.round(explained.map.double().numpy() * 65535))
    else:
        assert np.array_equal(np.load(files[1]), explained.map.numpy())
    record = json.loads(files[2].read_text())
    assert record["target"] == {"index": 1, "name": "bee", "confidence": pytest.approx(explained.confidence, abs=1e-6)}
    assert record["requested"] == "bee"
    assert record["explainer"] == {"name": "grad-cam", "class": "GradCAM", "settings": describe(vars(GRAD))}
    assert record["layers"] == ["body"]
    assert record["map"] == {"height": 224, "width": 224, "evidence": bool(explained.map.amax() > 0)}
    assert record["versions"]["torch"] == torch.__version__.partition("+")[0] or record["versions"]["torch"]
    assert record["versions"]["camaug"] == camaug.__version__
    assert record["files"] == {"overlay": "b_overlay.png", "map": f"b_map.{raw}"}
    assert record["predicted"]["index"] == int(explained.logits.argmax())


def test_an_unknown_raw_form(net, tmp_path):
    with pytest.raises(ValueError, match="`raw` must be 'png' or 'npy', got 'tif'"):
        explain(net, photo(), GRAD).save(tmp_path, "x", raw="tif")
    assert not list(tmp_path.iterdir())


def test_the_old_json_is_removed_before_the_images_change(net, tmp_path, monkeypatch):
    explained = explain(net, photo(), GRAD)
    explained.save(tmp_path, "x")

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="no space left"):
        explained.save(tmp_path, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x_map.png", "x_overlay.png"]
