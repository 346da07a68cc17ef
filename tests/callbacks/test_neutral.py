"""Looking changes nothing: training without and with the callbacks leaves the same behind, bit for bit."""

from __future__ import annotations

import pytest
import torch

from camaug import list_explainers
from tests.callbacks.neutrality import (
    INDUCTOR,
    LOOKING,
    POLLUTIONS,
    SETTINGS,
    WATCHERS,
    Polluter,
    differences,
    explained_network,
    train,
    watchers_of,
)
from tests.processes import results, together
from tests.toys import DropoutNet

# Of PyTorch's own compiler, where it meets the loss of a step.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
    # Of reentrant checkpoints while validating, where no gradients are wanted.
    pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad=True:UserWarning"),
]

# One of each way of looking: queries, gradients at a layer, every layer.
REPRESENTATIVES = ("group-cam", "grad-cam", "full-grad")
FAST = [(name, s) for name in list_explainers() for s in SETTINGS if s == "plain" or name in REPRESENTATIVES]
SLOW = [(name, s) for name in list_explainers() for s in SETTINGS if (name, s) not in FAST]


@pytest.fixture(scope="module")
def trained():
    return {}


@pytest.fixture
def unwatched(trained, make_trainer):
    """What a setting leaves behind on a network without a watcher; trained when it is first asked for."""

    def find(setting: str, network=DropoutNet):
        if (setting, network) not in trained:
            trained[setting, network] = train(make_trainer, SETTINGS[setting], [], network)
        return trained[setting, network]

    return find


@pytest.fixture
def check(unwatched, make_trainer):
    def check(setting: str, name: str, *kinds: str) -> None:
        network = explained_network(name)
        watched = train(make_trainer, SETTINGS[setting], watchers_of(name, *kinds), network)
        assert differences(unwatched(setting, network), watched) == []

    return check


@pytest.mark.parametrize(("name", "setting"), FAST + [pytest.param(*case, marks=pytest.mark.slow) for case in SLOW])
def test_all_that_look(name, setting, check):
    check(setting, name, *LOOKING)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WATCHERS)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", list_explainers())
def test_each_by_itself(name, setting, kind, check):
    check(setting, name, kind)


@pytest.mark.parametrize("setting", SETTINGS)
def test_augmentation_of_no_image(setting, check):
    check(setting, "group-cam", "augmentation of no image")


@pytest.mark.slow
def test_a_network_compiled_to_machine_code(make_trainer):
    watched, without = (train(make_trainer, INDUCTOR, watchers_of("group-cam", *k)) for k in (LOOKING, []))
    assert differences(without, watched) == []


def test_the_suite_trains(make_trainer):
    def weights(**settings) -> dict[str, object]:
        left = train(make_trainer, SETTINGS["plain"], [], DropoutNet, **settings)
        return {name: value for name, value in left.items() if name.startswith("weights")}

    assert len(weights()) == len(differences(weights(), weights(epochs=1))) == 10


# The suite can fail


@pytest.mark.parametrize("kind", LOOKING)
@pytest.mark.parametrize("how", POLLUTIONS)
def test_a_polluting_explainer_is_found_out(how, kind, unwatched, make_trainer):
    setting = {"frozen": "frozen layer", "gradients": "manual optimisation"}.get(how, "plain")
    changed = "weights" if how == "gradients" else how  # the gradients are spent in the next step
    threads = torch.get_num_threads()
    watched = train(make_trainer, SETTINGS[setting], [WATCHERS[kind](Polluter(how))])
    torch.set_num_threads(threads)
    assert [name for name in differences(unwatched(setting), watched) if name.startswith(f"{changed}:")] != []


def test_an_explainer_that_does_no_harm_is_not_found_out(unwatched, make_trainer, monkeypatch):
    monkeypatch.setitem(POLLUTIONS, "nothing", lambda net, images: None)
    watched = train(make_trainer, SETTINGS["plain"], [WATCHERS[kind](Polluter("nothing")) for kind in LOOKING])
    assert differences(unwatched("plain"), watched) == []


# Two processes


@pytest.mark.parametrize(
    "names",
    [REPRESENTATIVES, pytest.param([n for n in list_explainers() if n not in REPRESENTATIVES], marks=pytest.mark.slow)],
    ids=["representatives", "others"],
)
def test_two_processes(names, tmp_path):
    code, output = together("tests.callbacks.neutral_script", tmp_path, *names)
    assert code == 0, output[-4000:]
    for rank in results(tmp_path):
        assert rank["world_size"] == 2
        assert rank["differences"] == {name: [] for name in names}
        assert any(name.startswith("gradients:") for name in rank["of a polluter"])
