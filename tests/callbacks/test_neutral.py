"""Explaining changes nothing: training runs without and with the callbacks end in the same state, bit for bit."""

from __future__ import annotations

import pytest
import torch

from camaug import list_explainers
from tests.callbacks.neutrality import (
    CALLBACKS,
    EXPLAINING,
    INDUCTOR,
    POLLUTIONS,
    SETTINGS,
    Polluter,
    create_callback,
    create_callbacks,
    differences,
    network_for,
    train,
)
from tests.processes import run_ranks
from tests.toys import DropoutNet

pytestmark = [
    pytest.mark.filterwarnings("ignore:GroupCamAugmentation. nothing is augmented:UserWarning"),  # on purpose
    # PyTorch's compiler reads the loss's gradient.
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
    # Reentrant checkpoints warn in validation, which needs no gradients.
    pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad=True:UserWarning"),
]

# One method of each kind: queries, gradients at a layer, every layer.
REPRESENTATIVES = ("group-cam", "grad-cam", "full-grad")
FAST = [(name, s) for name in list_explainers() for s in SETTINGS if s == "plain" or name in REPRESENTATIVES]
SLOW = [(name, s) for name in list_explainers() for s in SETTINGS if (name, s) not in FAST]


@pytest.fixture(scope="module")
def final_states():
    return {}


@pytest.fixture
def train_alone(final_states, make_trainer):
    """Return a setting's final state without callbacks, from one training run for all tests."""

    def train_once(setting: str, network=DropoutNet):
        if (setting, network) not in final_states:
            final_states[setting, network] = train(make_trainer, SETTINGS[setting], [], network)
        return final_states[setting, network]

    return train_once


@pytest.fixture
def check(train_alone, make_trainer):
    def check(setting: str, name: str, *kinds: str) -> None:
        network = network_for(name)
        beside = train(make_trainer, SETTINGS[setting], create_callbacks(name, kinds), network)
        assert differences(train_alone(setting, network), beside) == []

    return check


@pytest.mark.parametrize(("name", "setting"), FAST + [pytest.param(*case, marks=pytest.mark.slow) for case in SLOW])
def test_all_explaining_callbacks_together(name, setting, check):
    check(setting, name, *EXPLAINING)


@pytest.mark.slow
@pytest.mark.parametrize("kind", CALLBACKS)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", list_explainers())
def test_each_callback_by_itself(name, setting, kind, check):
    check(setting, name, kind)


@pytest.mark.parametrize("setting", SETTINGS)
def test_snapshots_after_each_step(setting, check):
    check(setting, "grad-cam", "logger of each step")


@pytest.mark.parametrize("setting", SETTINGS)
def test_augmentation_of_no_image(setting, check):
    check(setting, "group-cam", "augmentation of no image")


@pytest.mark.slow
def test_a_network_compiled_by_inductor(make_trainer):
    beside, without = (train(make_trainer, INDUCTOR, create_callbacks("group-cam", k)) for k in (EXPLAINING, []))
    assert differences(without, beside) == []


# The tests can fail


def test_the_training_runs_change_every_weight(make_trainer):
    def weights(**settings) -> dict[str, object]:
        state = train(make_trainer, SETTINGS["plain"], [], DropoutNet, **settings)
        return {name: value for name, value in state.items() if name.startswith("weights")}

    assert len(weights()) == len(differences(weights(), weights(epochs=1))) == 10


@pytest.mark.parametrize("kind", EXPLAINING)
@pytest.mark.parametrize("pollution", POLLUTIONS)
def test_a_polluting_explainer_is_detected(pollution, kind, train_alone, make_trainer):
    setting = {"frozen": "frozen layer", "gradients": "manual optimisation"}.get(pollution, "plain")
    changed = "weights" if pollution == "gradients" else pollution  # the next step applies the gradients
    threads = torch.get_num_threads()
    polluted = train(make_trainer, SETTINGS[setting], [create_callback(kind, Polluter(pollution))])
    torch.set_num_threads(threads)
    assert [name for name in differences(train_alone(setting), polluted) if name.startswith(f"{changed}:")] != []


def test_a_harmless_explainer_is_not_detected(train_alone, make_trainer, monkeypatch):
    monkeypatch.setitem(POLLUTIONS, "nothing", lambda net, images: None)
    callbacks = [create_callback(kind, Polluter("nothing")) for kind in EXPLAINING]
    assert differences(train_alone("plain"), train(make_trainer, SETTINGS["plain"], callbacks)) == []


# Two processes


@pytest.mark.parametrize(
    "names",
    [REPRESENTATIVES, pytest.param([n for n in list_explainers() if n not in REPRESENTATIVES], marks=pytest.mark.slow)],
    ids=["representatives", "others"],
)
def test_two_processes(names, tmp_path):
    results, _ = run_ranks("tests.callbacks.neutral_script", tmp_path, *names)
    for result in results:
        assert result["world_size"] == 2
        assert result["differences"] == {name: [] for name in names}
        assert any(name.startswith("gradients:") for name in result["differences of a polluter"])
