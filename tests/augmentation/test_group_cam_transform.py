from __future__ import annotations

import copy
import math
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from camaug import GradCAM, GroupCAM, GroupCamTransform
from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.augmentation.recipes import list_recipes
from camaug.augmentation.recipes.paired import Paired
from camaug.augmentation.recipes.paired_random import PairedRandom
from tests.toys import DictOutput

LABELS = torch.tensor([0, 3, 2, 4])
FOUR_GROUPS = GroupCAM(groups=4, theta=None, weighted=False)


@pytest.fixture
def transform(net):
    return GroupCamTransform(net, FOUR_GROUPS, blur_kernel_size=9, blur_sigma=4.0)


def test_defaults_are_the_papers(net):
    transform = GroupCamTransform(net)
    assert transform.explainer == augmentation_explainer() == GroupCAM(theta=None, weighted=False)
    assert (transform.share, transform.blur_kernel_size, transform.blur_sigma) == (1.0, 51, 50.0)
    assert not transform.explainer.needs_gradients
    assert GroupCamTransform(net, "grad-cam").explainer == GradCAM()


@pytest.mark.parametrize("size", [(16, 16), (16, 28)])
def test_against_a_loop_over_images(net, size):
    """Section 5 of the paper, an image, a group and a pixel at a time."""
    net, images = net.double(), torch.rand(4, 3, *size, dtype=torch.float64)
    new, labels = GroupCamTransform(net, FOUR_GROUPS, blur_kernel_size=9, blur_sigma=4.0)(images, LABELS)
    assert labels is LABELS
    blurred = v2.functional.gaussian_blur(images, 9, 4.0)
    baseline = reflected_blur(images, 51, 50.0)
    replaced = 0
    for n, target in enumerate(LABELS.tolist()):
        with torch.no_grad():
            features = net.body(net.stem(images[n, None]))[0]
            nothing = net(baseline[n, None]).softmax(dim=1)[0, target]
            saliency = torch.zeros(size, dtype=torch.float64)
            for group in features.chunk(4):
                mask = group.sum(dim=0).relu()
                mask = (mask - mask.min()) / (mask.max() - mask.min())
                mask = nn.functional.interpolate(mask[None, None], size=size, mode="bilinear")[0, 0]
                shown = images[n] * mask + baseline[n] * (1 - mask)
                saliency += (net(shown[None]).softmax(dim=1)[0, target] - nothing) * mask
        saliency = saliency.relu()
        mean = saliency.mean()
        for i in range(size[0]):
            for j in range(size[1]):
                if abs(saliency[i, j] - mean) < 1e-5 * saliency.max():
                    continue  # on the edge, within float32
                expected = images[n, :, i, j] if saliency[i, j] >= mean else blurred[n, :, i, j]
                torch.testing.assert_close(new[n, :, i, j], expected, rtol=1e-5, atol=1e-6)
                replaced += bool(saliency[i, j] < mean)
    assert 100 < replaced < 0.9 * 4 * size[0] * size[1]


def reflected_blur(images: Tensor, kernel_size: int, sigma: float) -> Tensor:
    reach = kernel_size // 2
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (reach, reach), (reach, reach)), mode="reflect")
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    kernel = torch.outer(kernel, kernel) / kernel.sum() ** 2
    channels = images.shape[1]
    return nn.functional.conv2d(torch.from_numpy(padded), kernel.expand(channels, 1, -1, -1), groups=channels)


# The transform holds no weights


def test_no_weights(transform, net):
    assert transform.state_dict() == {}
    assert list(transform.parameters()) == []
    assert list(transform.buffers()) == []
    assert list(transform.modules()) == [transform]
    trainer = nn.ModuleDict({"net": net, "augment": transform})
    assert trainer.state_dict().keys() == {f"net.{name}" for name in net.state_dict()}
    transform.eval().double().train()
    assert next(net.parameters()).dtype == torch.float32
    assert not net.training


def test_deepcopy_and_repr(transform, images):
    other = copy.deepcopy(transform)
    assert torch.equal(other(images, LABELS)[0], transform(images, LABELS)[0])
    assert "share=1.0" in repr(transform)
    assert "groups=4" in repr(transform)


# What goes in stays as it was


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_inputs_are_unchanged(net, images, share, unchanged):
    before, labels_before = images.clone(), LABELS.clone()
    transform = GroupCamTransform(net.train(), FOUR_GROUPS, share=share)
    torch.manual_seed(1)
    with unchanged(net) if share != 0.5 else torch.no_grad():
        new, labels = transform(images, LABELS)
    assert new is not images
    assert new.data_ptr() != images.data_ptr()
    new.zero_()
    assert torch.equal(images, before)
    assert labels is LABELS
    assert torch.equal(LABELS, labels_before)
    assert all(module.training for module in net.modules())


def test_the_dtype_is_kept(net, images):
    new, _ = GroupCamTransform(copy.deepcopy(net).bfloat16(), FOUR_GROUPS)(images.bfloat16(), LABELS)
    assert new.dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        new, _ = GroupCamTransform(net, FOUR_GROUPS)(images, LABELS)
    assert new.dtype == torch.float32


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_every_autograd_mode(transform, images, mode):
    expected, _ = transform(images, LABELS)
    with mode():
        new, _ = transform(images.clone(), LABELS.clone())
    assert torch.equal(new, expected)
    assert not new.requires_grad


def test_kept_pixels_are_bit_equal(transform, images):
    params = transform.make_params([images, LABELS])
    new = transform.transform(images, params)
    kept = params["regions"].masks[:, None].expand_as(images)
    assert 0.05 < kept.float().mean() < 0.95
    assert torch.equal(new[kept], images[kept])
    assert not (new[~kept] == images[~kept]).any()


def test_image_without_evidence_stays(net, images):
    """No feature fires for it: there is nothing to choose by."""
    with torch.no_grad():
        net.body[0].weight.zero_()
        net.body[0].bias.fill_(-1)
    new, _ = GroupCamTransform(net, FOUR_GROUPS)(images, LABELS)
    assert torch.equal(new, images)


def test_image_that_is_not_finite_stays_and_harms_no_other(transform, images):
    expected, _ = transform(images, LABELS)
    broken = images.clone()
    broken[1, 0, 0, 0] = math.nan
    new, _ = transform(broken, LABELS)
    assert torch.equal(new[1].nan_to_num(9), broken[1].nan_to_num(9))
    assert torch.equal(new[[0, 2, 3]], expected[[0, 2, 3]])


# Labels


def test_soft_labels_are_explained_at_their_most_probable_class(transform, images):
    soft = torch.full((4, 5), 0.1).scatter_(1, LABELS[:, None], 0.6)
    new, labels = transform(images, soft)
    assert labels is soft
    assert torch.equal(new, transform(images, LABELS)[0])
    assert not torch.equal(new, transform(images, (LABELS + 1) % 5)[0])


def test_after_mixup(transform, images):
    mixed = v2.MixUp(num_classes=5)(images, LABELS)
    new, labels = transform(*mixed)
    assert labels is mixed[1]
    assert torch.equal(new, transform(mixed[0], mixed[1].argmax(dim=1))[0])


# Share


def test_share_of_nothing(net, images):
    class Never(nn.Module):
        def forward(self, batch):
            raise AssertionError("the model was called")

    state = torch.get_rng_state()
    new, _ = GroupCamTransform(Never(), share=0)(images, LABELS)
    assert torch.equal(new, images)
    assert torch.equal(torch.get_rng_state(), state)


def test_share_of_all_draws_nothing(transform, images):
    state = torch.get_rng_state()
    transform(images, LABELS)
    assert torch.equal(torch.get_rng_state(), state)


def test_share_of_half(net):
    images, labels = torch.rand(64, 3, 16, 16), torch.randint(0, 5, (64,))
    batch_sizes = []

    def forward(batch):
        batch_sizes.append(len(batch))
        return net(batch)

    everything, _ = GroupCamTransform(net, FOUR_GROUPS, fast=False)(images, labels)
    transform = GroupCamTransform(net, FOUR_GROUPS, share=0.5, forward=forward, fast=False)
    transform(images, labels)
    batch_sizes.clear()
    torch.manual_seed(2)
    new, _ = transform(images, labels)
    torch.manual_seed(2)
    chosen = transform.make_params([images, labels])["index"]
    assert len(chosen) == 32
    assert batch_sizes[0] == len(chosen)
    others = torch.ones(64, dtype=torch.bool).index_fill(0, chosen, False)
    assert torch.equal(new[others], images[others])
    close = (new[chosen] - everything[chosen]).abs().amax(dim=(1, 2, 3)) < 1e-6
    assert close.float().mean() > 0.9  # a pixel on the edge of its mask may fall either way in another batch
    assert (new[chosen] != images[chosen]).flatten(1).any(dim=1).float().mean() > 0.5
    second, _ = transform(images, labels)
    assert not torch.equal(second, new)


@pytest.mark.parametrize(
    ("size", "share", "count"), [(8, 0.5, 4), (9, 0.5, 5), (10, 0.25, 3), (3, 0.4, 1), (5, 1.0, 5), (5, 0.95, 5)]
)
@pytest.mark.parametrize("recipe", ["blur-everything", "hide-random", "paired-random"])
def test_every_batch_of_a_size_has_the_same_number_of_changed_images(net, size, share, count, recipe):
    transform = GroupCamTransform(net, "grad-cam", recipe=recipe, share=share, blur_kernel_size=5)
    images, labels = torch.rand(size, 3, 16, 16), torch.arange(size) % 5
    for _ in range(5):
        assert len(transform.make_params([images, labels])["index"]) == count
        assert len(transform(images, labels)[0]) == size + count * (recipe == "paired-random")


def test_every_image_is_chosen_as_often_as_the_others(net):
    transform = GroupCamTransform(net, recipe="blur-everything", share=0.25)
    images, labels = torch.rand(8, 3, 2, 2), torch.zeros(8, dtype=torch.int64)
    torch.manual_seed(0)
    chosen = torch.stack([transform.make_params([images, labels])["index"] for _ in range(2000)])
    assert (chosen[:, 0] < chosen[:, 1]).all()
    times = chosen.flatten().bincount()
    assert (times - 500).abs().max() < 5 * (2000 * 0.25 * 0.75) ** 0.5


def test_a_batch_with_less_than_one_image_due_is_changed_now_and_then(net):
    transform = GroupCamTransform(net, recipe="blur-everything", share=0.3)
    images, labels = torch.rand(1, 3, 2, 2), torch.zeros(1, dtype=torch.int64)
    torch.manual_seed(0)
    times = sum(len(transform.make_params([images, labels])["index"]) for _ in range(1000))
    assert abs(times - 300) < 5 * (1000 * 0.3 * 0.7) ** 0.5


@pytest.mark.parametrize("recipe", list_recipes())
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_images_without_a_label_stay_as_they_are_and_are_chosen_last(net, recipe, share):
    images, labels = torch.rand(4, 3, 16, 16), torch.tensor([-1, 3, -100, 2])
    transform = GroupCamTransform(net, FOUR_GROUPS, recipe=recipe, share=share, blur_kernel_size=5)
    for seed in range(4):
        torch.manual_seed(seed)
        params = transform.make_params([images, labels])
        new = transform.transform(images, params)
        if share == 0.5 and transform.recipe.is_due() and len(params["index"]):
            assert params["index"].tolist() == [1, 3]
        assert torch.equal(new[[0, 2]], images[[0, 2]])
        if transform.appends_masked_views:
            unlabelled = ~params["is_labelled"]
            assert torch.equal(new[4:][unlabelled], images[params["index"]][unlabelled])


def test_replay(net, images):
    transform = GroupCamTransform(net, FOUR_GROUPS, share=0.5)
    torch.manual_seed(3)
    params = transform.make_params([images, LABELS])
    torch.manual_seed(3)
    new, _ = transform(images, LABELS)
    assert torch.equal(transform.transform(images, params), new)
    assert torch.equal(transform.transform(images, params), new)
    count = len(params["index"])
    assert params["maps"].shape == params["regions"].masks.shape == (count, 16, 16)
    assert params["regions"].masks.dtype == torch.bool
    # Other images are masked at the same positions.
    black = transform.transform(torch.zeros_like(images), params)
    assert black.eq(0).all()


def test_with_torchvisions_containers(net, images):
    often = v2.RandomApply([GroupCamTransform(net, FOUR_GROUPS)], p=1.0)
    expected, _ = GroupCamTransform(net, FOUR_GROUPS)(images, LABELS)
    assert torch.equal(often(images, LABELS)[0], expected)
    choice = v2.RandomChoice([GroupCamTransform(net, FOUR_GROUPS)])
    assert torch.equal(choice(images, LABELS)[0], expected)


# Containers

Pair = namedtuple("Pair", ["image", "label"])


@dataclass
class Sample:
    image: Tensor
    label: Tensor


@pytest.mark.parametrize(
    "make",
    [
        lambda i, t: [i, t],
        lambda i, t: (i, t),
        lambda i, t: {"pixel_values": i, "labels": t, "path": "a.jpg"},
        Pair,
        Sample,
        lambda i, t: {"view": (i, {"y": t})},
    ],
)
def test_containers(transform, images, make):
    expected, _ = transform(images, LABELS)
    batch = make(images, LABELS)
    new = transform(batch)
    assert type(new) is type(batch)
    values = vars(new).values() if isinstance(new, Sample) else new.values() if isinstance(new, dict) else new
    found = [value for value in flattened(values) if isinstance(value, Tensor)]
    assert torch.equal(found[0], expected)
    assert found[1] is LABELS
    if isinstance(new, dict) and "path" in new:
        assert new["path"] == "a.jpg"


def flattened(values):
    for value in values:
        if isinstance(value, dict):
            yield from flattened(value.values())
        elif isinstance(value, list | tuple):
            yield from flattened(value)
        else:
            yield value


def test_more_arguments_pass_through(transform, images):
    new, labels, index = transform(images, LABELS, "index")
    assert torch.equal(new, transform(images, LABELS)[0])
    assert labels is LABELS
    assert index == "index"


def test_forward_for_a_model_that_gives_a_dict(net, images):
    model = DictOutput(net)
    transform = GroupCamTransform(model, FOUR_GROUPS, forward=lambda batch: model(batch)["logits"])
    expected, _ = GroupCamTransform(net, FOUR_GROUPS)(images, LABELS)
    assert torch.equal(transform(images, LABELS)[0], expected)


# Errors


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_wrong_share(net, share):
    with pytest.raises(ValueError, match=f"`share` must be (between 0 and 1|a number), got {share}"):
        GroupCamTransform(net, share=share)


def test_unknown_explainer(net):
    with pytest.raises(ValueError, match="unknown explainer 'group', did you mean 'group-cam'"):
        GroupCamTransform(net, "group")


def test_no_labels(transform, images):
    expected = r"expected labels beside the 4 images: class indices \(4,\) or probabilities \(4, classes\)"
    with pytest.raises(ValueError, match=expected):
        transform(images)
    with pytest.raises(ValueError, match=expected):
        transform({"image": images, "label": LABELS[:3]})


def test_no_images(transform):
    with pytest.raises(ValueError, match=r"expected images, \(N, C, H, W\) of floats or integers, in the batch"):
        transform({"label": LABELS})


def test_label_out_of_range(transform, images):
    with pytest.raises(ValueError, match=r"`targets` must be between 0 and 4, the model's last class, got \[5\]"):
        transform(images, LABELS + 1)


# Recipes


def test_strength_mixes_the_blur_in(net, images):
    whole, half, none = (
        GroupCamTransform(net, FOUR_GROUPS, strength=strength)(images, LABELS)[0] for strength in (1, 0.5, 0)
    )
    assert torch.equal(none, images)
    torch.testing.assert_close(half, (whole + images) / 2, rtol=1e-4, atol=1e-5)
    assert not torch.equal(whole, images)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"recipe": "hide"}, "unknown recipe 'hide', did you mean 'hide-random' or 'hide-salient'"),
        ({"strength": 1.5}, "`strength` must be between 0 and 1, got 1.5"),
    ],
)
def test_impossible_recipes(net, settings, message):
    with pytest.raises(ValueError, match=message):
        GroupCamTransform(net, **settings)


# The other recipes


def recipe_of(net, recipe, **settings):
    return GroupCamTransform(net, FOUR_GROUPS, recipe=recipe, blur_kernel_size=9, blur_sigma=4.0, **settings)


def test_paired_appends_the_masked_views(net, images):
    paired, paired_random = Paired(view="keep-salient"), PairedRandom(view="random-mask")
    masked_views, _ = recipe_of(net, "keep-salient")(images, LABELS)
    new, labels = recipe_of(net, paired)(images, LABELS)
    assert torch.equal(new, torch.cat([images, masked_views]))
    assert torch.equal(labels, torch.cat([LABELS, LABELS]))
    torch.manual_seed(2)
    some, their_labels = recipe_of(net, paired, share=0.5)(images, LABELS)
    assert 4 < len(some) == len(their_labels) < 8
    torch.manual_seed(2)
    by_chance, _ = recipe_of(net, "random-mask")(images, LABELS)
    torch.manual_seed(2)
    other, _ = recipe_of(net, paired_random)(images, LABELS)
    assert torch.equal(other, torch.cat([images, by_chance]))
    assert not torch.equal(by_chance, masked_views)


def test_the_controls(net, images):
    blurred = v2.functional.gaussian_blur(images, 9, 4.0)
    new, labels = recipe_of(net, "blur-everything")(images, LABELS)
    torch.testing.assert_close(new, blurred, rtol=1e-5, atol=1e-6)
    assert labels is LABELS
    kept = recipe_of(net, "keep-salient").make_params([images, LABELS])["regions"].masks
    shuffled = recipe_of(net, "shuffled-maps").make_params([images, LABELS])["regions"].masks
    assert torch.equal(shuffled, kept.roll(1, dims=0))
    drawn = recipe_of(net, "random-mask").make_params([images, LABELS])["regions"].masks
    assert torch.equal(drawn.sum(dim=(1, 2)), kept.sum(dim=(1, 2)))
    assert not torch.equal(drawn, kept)


def test_blurring_everything_asks_the_model_nothing(images):
    new, _ = recipe_of(nn.Identity(), "blur-everything")(images, LABELS)
    assert not torch.equal(new, images)


@pytest.mark.parametrize("recipe", list_recipes())
def test_every_recipe_keeps_the_container(net, images, recipe):
    batch = {"image": images, "label": LABELS, "path": ["a", "b", "c", "d"]}
    changed = recipe_of(net, recipe)(batch)
    assert changed.keys() == batch.keys()
    assert changed["image"].shape[1:] == images.shape[1:]
    assert batch["image"] is images


class Frozen(nn.Module):
    """A network whose features have no gradients."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, images):
        with torch.no_grad():
            features = self.net.body(self.net.stem(images))
        return self.net.head(features.mean((2, 3)))


def test_without_gradients_the_recipes_own_explainer_is_replaced(net, images):
    transform, sentences = GroupCamTransform(Frozen(net), recipe="hide-salient", fast=False), []
    transform.explaining.notify = sentences.append
    for _ in range(2):
        new, _ = transform(images, LABELS)
        assert not torch.equal(new, images)
    assert transform.explainer == augmentation_explainer()
    assert len(sentences) == 1
    assert sentences[0].startswith("explaining by group-cam without gradients instead of grad-cam, because no gradient")


def test_without_gradients_the_users_explainer_is_an_error(net, images):
    with pytest.raises(ValueError, match="the logits do not depend on the target layer's output"):
        GroupCamTransform(Frozen(net), "grad-cam", recipe="hide-salient", fast=False)(images, LABELS)


@pytest.mark.parametrize(("multi_label", "several"), [(None, False), (True, True), (False, False)])
def test_rows_with_one_label_each_are_several_labels_by_argument(multi_label, several, net, images):
    transform = GroupCamTransform(net, recipe="blur-everything", multi_label=multi_label)
    assert transform.augment([images, torch.eye(5)[LABELS]]).multilabel is several
