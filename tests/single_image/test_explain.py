from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from camaug import GradCAM, explain, get_explainer
from camaug.explainers.provenance import describe
from camaug.images.class_names import find_class, known_class_names
from camaug.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD, model_preprocessing
from camaug.images.render import overlay
from camaug.inspection.model_digest import model_digest
from tests.single_image.photos import GRAD, NAMES, photo
from tests.toys import OtherOutput

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))


def expected_input(image: Image.Image) -> torch.Tensor:
    """Return the image by ImageNet's standard preprocessing, written out again."""
    image = image.convert("RGB")
    scale = 256 / min(image.size)
    resize = v2.Resize(256, antialias=True)
    pixels = v2.functional.to_dtype(v2.functional.pil_to_tensor(resize(image)), scale=True)
    assert abs(pixels.shape[1] - image.height * scale) < 1
    top, left = round((pixels.shape[1] - 224) / 2), round((pixels.shape[2] - 224) / 2)
    return ((pixels[:, top : top + 224, left : left + 224] - MEAN) / STD)[None]


def test_the_map_is_the_explainers_of_the_transformed_image(net):
    image = photo()
    explained = explain(net, image, GRAD)
    explanation = GRAD(net, expected_input(image))
    assert torch.equal(explained.map, explanation.maps[0])
    assert explained.map.amax() == 1
    assert torch.equal(explained.logits, explanation.logits[0])
    assert explained.target == int(explanation.targets[0])
    assert explained.confidence == pytest.approx(float(explanation.logits[0].softmax(0).max()))
    seen = v2.functional.pil_to_tensor(v2.Resize(256)(image)).float() / 255
    torch.testing.assert_close(explained.image, v2.functional.center_crop(seen, [224, 224]), atol=1e-6, rtol=0)
    assert torch.equal(explained.overlay, overlay(explained.image[None], explanation.maps)[0])


def test_every_form_of_one_image_gives_one_map(net, tmp_path):
    image = photo()
    image.save(tmp_path / "x.png")
    pixels = v2.functional.pil_to_tensor(image)
    ready = expected_input(image)
    whole = explain(net, image, GRAD)
    for given in (tmp_path / "x.png", str(tmp_path / "x.png"), pixels, pixels[None], ready, ready[0]):
        other = explain(net, given, GRAD)
        assert torch.equal(other.map, whole.map)
        torch.testing.assert_close(other.image, whole.image, atol=1e-5, rtol=0)
    assert whole.record["transform"]["image_size"] == 224
    assert explain(net, ready, GRAD).record["transform"] is None


def test_images_of_every_mode_are_upright_rgb(net, tmp_path):
    grey = photo().convert("L")
    same = explain(net, grey.convert("RGB"), GRAD).map
    assert torch.equal(explain(net, grey, GRAD).map, same)
    assert torch.equal(explain(net, v2.functional.pil_to_tensor(grey), GRAD).map, same)
    clear = photo().convert("RGBA")
    assert torch.equal(explain(net, clear, GRAD).map, explain(net, photo(), GRAD).map)
    assert torch.equal(explain(net, v2.functional.pil_to_tensor(clear), GRAD).map, explain(net, photo(), GRAD).map)

    lying = photo().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me by 90 degrees to the right"
    lying.save(tmp_path / "turned.png", exif=exif)
    assert torch.equal(explain(net, tmp_path / "turned.png", GRAD).map, explain(net, photo(), GRAD).map)
    assert torch.equal(explain(net, Image.open(tmp_path / "turned.png"), GRAD).map, explain(net, photo(), GRAD).map)


def test_a_transform_of_ones_own_and_a_model_of_timms(net):
    transform = v2.Compose([v2.Resize((40, 48)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    explained = explain(net, photo(), GRAD, transform=transform)
    assert explained.map.shape == (40, 48)
    torch.testing.assert_close(explained.image, transform(photo()).as_subclass(torch.Tensor))
    with_norm = v2.Compose([transform, v2.Normalize([0.4, 0.5, 0.6], [0.1, 0.2, 0.3])])
    torch.testing.assert_close(explain(net, photo(), GRAD, transform=with_norm).image, explained.image)

    model = timm.create_model("test_resnet", num_classes=5).eval()
    config = timm.data.resolve_data_config({}, model=model)
    inside = nn.Sequential(model)
    ready = timm.data.create_transform(**config)(photo())[None]
    explained = explain(inside, photo(), "grad-cam")
    assert torch.equal(explained.map, GradCAM()(inside, ready).maps[0])
    assert explained.map.shape == config["input_size"][1:] != (224, 224)
    assert explained.record["transform"]["crop_pct"] == config["crop_pct"]


def test_device_and_precision_are_the_models(net):
    wide = net.double()
    explained = explain(wide, photo(), GRAD)
    assert explained.map.dtype == explained.logits.dtype == torch.float32
    assert torch.equal(explained.map, GRAD(wide, expected_input(photo()).double()).maps[0])


def test_the_model_is_left_as_it_was(restless_net, unchanged):
    restless_net.class_names = NAMES
    image = torch.rand(3, 16, 16)
    with unchanged(restless_net):
        explain(restless_net, image, GradCAM(layer="features"), 1)
        explain(restless_net, image, GradCAM(layer="features"), "bee")  # its names are found by a forward pass


@pytest.mark.parametrize("method", ["grad-cam", "group-cam"])
def test_logits_are_read_from_every_kind_of_output(net, method):
    explainer = get_explainer(method, layer="body")
    expected = explain(net, photo(), explainer, "bee", class_names=NAMES)
    for output in (lambda logits: {"logits": logits}, lambda logits: (logits, logits[:, :, None])):
        explained = explain(OtherOutput(net, output), photo(), explainer, "bee", class_names=NAMES)
        assert torch.equal(explained.map, expected.map)
        assert torch.equal(explained.logits, expected.logits)


def test_one_logit_is_explained_for_yes_and_for_no(net):
    model = OtherOutput(net, lambda logits: logits[:, 2:3])
    model.class_names = ["no bee", "bee"]
    explained = {name: explain(model, photo(), GRAD, name) for name in model.class_names}
    assert [each.target for each in explained.values()] == [0, 1]
    probability = explain(net, photo(), GRAD).logits[2].sigmoid()
    assert explained["bee"].confidence == pytest.approx(float(probability), abs=1e-6)
    assert explained["no bee"].confidence == pytest.approx(1 - float(probability), abs=1e-6)
    assert torch.equal(explained["bee"].map, explain(net, photo(), GRAD, 2).map)
    negated = explain(net, photo(), GRAD, lambda logits: -logits[:, 2])
    torch.testing.assert_close(explained["no bee"].map, negated.map)


# Classes


def test_classes_by_index_name_and_function(net):
    by_index = explain(net, photo(), GRAD, 4)
    assert (by_index.target, by_index.class_name) == (4, "class 4")
    for name in ("wolf spider, hunting spider", "Wolf Spider", " hunting spider"):
        by_name = explain(net, photo(), GRAD, name, class_names=NAMES)
        assert by_name.target == 4
        assert by_name.class_name == NAMES[4]
        assert torch.equal(by_name.map, by_index.map)
    by_function = explain(net, photo(), GRAD, lambda logits: logits[:, 4])
    assert torch.equal(by_function.map, by_index.map)
    assert explain(net, photo(), GRAD, np.int64(4)).target == 4
    net.class_names = NAMES
    assert explain(nn.Sequential(net), photo(), GradCAM(layer="0.body"), "bee").target == 1


def test_a_thousand_classes_are_imagenets():
    names = known_class_names(nn.Identity(), 1000)
    assert (names[1], names[130]) == ("goldfish, Carassius auratus", "flamingo")
    assert find_class("tench", names) == 0
    assert find_class("maillot, tank suit", names) == 639
    assert known_class_names(nn.Identity(), 5) is None


@pytest.mark.parametrize(
    ("labels", "names"), [({1: "bee", 0: "ant"}, ["ant", "bee"]), ({0: "LABEL_0", 1: "LABEL_1"}, None)]
)
def test_names_of_a_hugging_face_configuration(labels, names):
    inner = nn.Identity()
    inner.config = SimpleNamespace(id2label=labels)
    assert known_class_names(nn.Sequential(inner), 2) == names


@pytest.mark.parametrize(
    ("name", "names", "message"),
    [
        ("be", NAMES, "no class 'be', did you mean 'bee'"),
        ("hunting spidr", NAMES, "no class 'hunting spidr', did you mean 'hunting spider'"),
        ("crane", NAMES, r"2 classes have the name 'crane': pass the index, one of 2 \(crane\), 3 \(crane\)"),
        ("bee", None, "names of the model's classes are not known: pass class_names="),
        ("bee", NAMES[:4], "must name the model's 5 classes, got 4 names"),
    ],
)
def test_names_that_lead_nowhere(net, name, names, message):
    with pytest.raises(ValueError, match=message):
        explain(net, photo(), GRAD, name, class_names=names)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (torch.rand(2, 3, 8, 8), ValueError, r"float32 of shape \(2, 3, 8, 8\), expected \(C, H, W\)"),
        (torch.rand(8, 8), ValueError, r"of shape \(8, 8\)"),
        (torch.ones(3, 8, 8, dtype=torch.int64), ValueError, "int64 of shape .* or uint8 pixels"),
        (torch.ones(2, 8, 8, dtype=torch.uint8), ValueError, "1, 3 or 4 channels"),
        ([[0, 1]], TypeError, "a PIL image, a path, an array or a tensor, got list"),
        ("absent.jpg", OSError, "cannot read image 'absent.jpg'"),
    ],
)
def test_what_is_no_image(net, image, error, message):
    with pytest.raises(error, match=message):
        explain(net, image, GRAD)


def test_a_transform_that_gives_no_image(net):
    with pytest.raises(ValueError, match=r"`transform` must turn a PIL image into a float tensor .* returns .*uint8"):
        explain(net, photo(), GRAD, transform=v2.PILToTensor())


# Records


def test_settings_are_described_alike_in_every_process(net):
    from camaug.explainers import get_explainer

    wrapped = describe(get_explainer("group-cam", layer=net.body, groups=4), net)
    assert wrapped["settings"]["layer"] == "body"
    assert wrapped["settings"]["groups"] == 4
    assert describe({"a": (1, float("inf")), "b": torch.tensor([1.0]), "c": describe}) == {
        "a": [1, "inf"],
        "b": [1.0],
        "c": "camaug.explainers.provenance.describe",
    }


def test_the_digest_tells_weights_apart(make_net):
    net = make_net()
    before = model_digest(net)
    assert before == model_digest(make_net())
    with torch.no_grad():
        net.head.bias[0] += 1e-6
    assert model_digest(net) != before


def test_a_models_own_preprocessing_comes_first():
    model = timm.create_model("test_resnet", num_classes=5)
    model.preprocessing = {"image_size": 48, "mean": (0.5,) * 3, "std": (0.25,) * 3, "crop_pct": 1.0}
    found = model_preprocessing(model)
    assert found.transform(photo()).shape == (3, 48, 48)
    assert found.mean == (0.5, 0.5, 0.5)
    model.preprocessing = {"something": "else"}
    assert model_preprocessing(model).settings["input_size"] == [3, 160, 160]


def test_what_cannot_be_explained_is_refused(net):
    image = torch.rand(3, 16, 16)
    with torch.no_grad():
        net.head.bias[0] = float("nan")
    with pytest.raises(ValueError, match="logits for this image are not finite"):
        explain(net, image, "grad-cam")
    with pytest.raises(
        TypeError, match="`target` must be a class's index or name, a function of the logits, or None, got"
    ):
        explain(net, image, "grad-cam", [1])
    with pytest.raises(TypeError, match=r"`model` must be a torch\.nn\.Module, got Tensor"):
        explain(image, net)
    with pytest.raises(TypeError, match="expected an explainer such as"):
        explain(net, image, ["grad-cam", "layer-cam"])


def test_several_targets_have_a_map_each(net):
    together = explain(net, photo(), GRAD, targets=[NAMES[1], 0], class_names=NAMES)
    assert [each.target for each in together] == [1, 0]
    for each in together:
        alone = explain(net, photo(), GRAD, each.target)
        assert torch.allclose(each.map, alone.map, atol=1e-6)
    assert together[0].record["requested"] == NAMES[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": 1, "targets": [0]}, "give `target` or `targets`, got target=1"),
        ({"targets": []}, "`targets` must be a list of at least one class"),
        ({"targets": [0, 9]}, "between 0 and"),
    ],
)
def test_wrong_targets(net, arguments, message):
    with pytest.raises(ValueError, match=message):
        explain(net, photo(), GRAD, **arguments)
