from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from camaug.training.create_classifier import create_classifier
from camaug.training.load_weights import load_weights
from tests.training.small_models import copy_of, logits, resnet


def test_a_checkpoint_with_auxiliary_heads_loads_without_them(tmp_path: Path) -> None:
    published = torchvision.models.googlenet(num_classes=4, init_weights=False, aux_logits=True)
    torch.save(published.state_dict(), tmp_path / "googlenet.pth")
    assert "aux1.fc1.weight" in published.state_dict()
    model = create_classifier("torchvision/googlenet", 4, model_args={"init_weights": False})
    assert load_weights(model, tmp_path / "googlenet.pth") == []
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, published.state_dict()[key]), key


def test_safetensors_and_pth_of_the_same_weights_give_the_same_logits(tmp_path: Path, images: Tensor) -> None:
    source = resnet(seed=1)
    save_file(copy_of(source), tmp_path / "weights.safetensors")
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    expected = logits(source, images)
    for file in ("weights.safetensors", "weights.pth"):
        torch.manual_seed(99)
        assert not torch.equal(logits(create_classifier("test_resnet", 3), images), expected)
        assert torch.equal(logits(create_classifier("test_resnet", 3, checkpoint=tmp_path / file), images), expected)
    assert torch.equal(logits(create_classifier("test_resnet", 3, checkpoint=str(tmp_path / file)), images), expected)


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.model."])
@pytest.mark.parametrize("nest", ["", "state_dict", "model"])
def test_nested_and_prefixed_checkpoints_load(prefix: str, nest: str, tmp_path: Path) -> None:
    source = resnet(seed=1)
    weights = {f"{prefix}{name}": tensor for name, tensor in source.state_dict().items()}
    torch.save({nest: weights, "epoch": 3, "best": 0.5, "arch": "test_resnet"} if nest else weights, tmp_path / "w.pth")
    model = resnet(seed=2)
    assert load_weights(model, tmp_path / "w.pth") == []
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name]), name


def test_a_prefix_that_is_the_models_own_stays(tmp_path: Path) -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = nn.Linear(2, 2)

    source, model = Wrapped(), Wrapped()
    torch.save(source.state_dict(), tmp_path / "w.pth")
    load_weights(model, tmp_path / "w.pth")
    assert torch.equal(model.model.weight, source.model.weight)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_head_of_other_classes_stays_fresh_and_the_rest_is_loaded(suffix: str, tmp_path: Path) -> None:
    source = resnet(5, seed=1)
    path = tmp_path / f"weights{suffix}"
    torch.save(source.state_dict(), path) if suffix == ".pth" else save_file(copy_of(source), path)
    model = resnet(3, seed=2)
    before = copy_of(model)
    assert sorted(load_weights(model, path)) == ["fc.bias", "fc.weight"]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name] if name.startswith("fc.") else source.state_dict()[name]), name


def test_both_heads_of_a_distilled_model_stay_fresh(tmp_path: Path) -> None:
    small = {"img_size": 32, "depth": 1}
    source = create_classifier("deit_tiny_distilled_patch16_224", 5, model_args=small)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    model = create_classifier("deit_tiny_distilled_patch16_224", 3, model_args=small)
    fresh = load_weights(model, tmp_path / "w.pth")
    assert sorted(fresh) == ["head.bias", "head.weight", "head_dist.bias", "head_dist.weight"]
    assert torch.equal(model.state_dict()["patch_embed.proj.weight"], source.state_dict()["patch_embed.proj.weight"])


def test_the_convolutional_head_of_squeezenet_stays_fresh(tmp_path: Path) -> None:
    source = create_classifier("squeezenet1_1", 5)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    model = create_classifier("squeezenet1_1", 3)
    assert sorted(load_weights(model, tmp_path / "w.pth")) == ["classifier.1.bias", "classifier.1.weight"]
    assert torch.equal(model.state_dict()["features.0.weight"], source.state_dict()["features.0.weight"])


def test_a_checkpoint_without_a_head_leaves_it_fresh(tmp_path: Path) -> None:
    weights = {name: tensor for name, tensor in resnet(seed=1).state_dict().items() if not name.startswith("fc.")}
    torch.save(weights, tmp_path / "w.pth")
    assert sorted(load_weights(resnet(), tmp_path / "w.pth")) == ["fc.bias", "fc.weight"]


def test_a_checkpoint_older_than_the_counters_of_batch_norm_loads(tmp_path: Path) -> None:
    # PyTorch before 0.4.1 had no `num_batches_tracked`; published files of that time are still in use, and
    # `load_state_dict` takes them.
    source = resnet(seed=1)
    weights = {name: tensor for name, tensor in copy_of(source).items() if "num_batches_tracked" not in name}
    torch.save(weights, tmp_path / "w.pth")
    model = resnet(seed=2)
    assert load_weights(model, tmp_path / "w.pth") == []
    assert torch.equal(model.state_dict()["conv1.0.weight"], weights["conv1.0.weight"])


def test_keys_that_do_not_fit_are_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    weights = copy_of(resnet(seed=1))
    del weights["bn1.weight"]
    weights["neck.weight"] = torch.zeros(2)
    weights["conv1.0.weight"] = torch.zeros(5, 3, 3, 3)
    torch.save(weights, tmp_path / "w.pth")
    model = resnet(seed=2)
    before = copy_of(model)
    shape = tuple(before["conv1.0.weight"].shape)
    with pytest.raises(ValueError, match="does not fit ResNet") as caught:
        load_weights(model, tmp_path / "w.pth")
    message = str(caught.value)
    assert str(tmp_path / "w.pth") in message
    assert "1 keys missing in the file: bn1.weight" in message
    assert "1 keys unknown to the model: neck.weight" in message
    assert f"1 keys of another shape: conv1.0.weight (5, 3, 3, 3) for {shape}" in message
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_of_very_many_keys_the_first_six_are_named(tmp_path: Path) -> None:
    torch.save({f"k{i}": torch.zeros(1) for i in range(9)}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="9 keys unknown to the model: k0, k1, k2, k3, k4, k5 and 3 more"):
        load_weights(resnet(), tmp_path / "w.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint '.*nowhere\.pth'"):
        create_classifier("test_resnet", 3, checkpoint=tmp_path / "nowhere.pth")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_one_clear_error(suffix: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"cut{suffix}"
    torch.save(resnet().state_dict(), path) if suffix == ".pth" else save_file(copy_of(resnet()), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=rf"cut\{suffix}.*(no whole safetensors file|damaged)"):
        load_weights(resnet(), path)


class Malicious:
    """An object that creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["weights.pth", "weights.ckpt", "weights"])
def test_nothing_in_a_file_is_executed(name: str, zipped: bool, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    content = {"state_dict": resnet().state_dict(), "extra": Malicious(marker)}
    torch.save(content, tmp_path / name, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"weights-only.*nothing is ever unpickled.*safetensors"):
        load_weights(resnet(), tmp_path / name)
    assert not marker.exists()
    torch.load(tmp_path / name, weights_only=False)  # the file does bite, if one lets it
    assert marker.exists()


@pytest.mark.parametrize(
    "content",
    [{"fc.weight": torch.zeros(3), "epoch": 3}, {0: torch.zeros(3)}, [torch.zeros(3)], torch.zeros(3), 7],
    ids=["an int among tensors", "int names", "list", "tensor", "int"],
)
def test_a_file_without_a_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="holds no state dict"):
        load_weights(resnet(), tmp_path / "w.pth")


def test_a_pickled_module_is_refused(tmp_path: Path) -> None:
    torch.save(resnet(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match="Save the model's `state_dict\\(\\)` alone"):
        load_weights(resnet(), tmp_path / "w.pth")
