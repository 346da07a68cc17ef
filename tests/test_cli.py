"""The command line as users run it, in processes of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import pytest
import torch
import torch.distributed as dist
from PIL import Image

from camaug import cli
from camaug._cli.resume import check_checkpoint_exists
from tests.processes import ROOT, default_signals, run_program

SMALL = [
    "--config", str(ROOT / "configs/demo.yaml"), "--data.train_size=64", "--data.val_size=24", "--data.num_workers=0",
    "--data.batch_size=8", "--cam.num_images=4", "--trainer.max_epochs=2", "--augmentation.start_epoch=1",
]  # fmt: skip


def train(*arguments: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = run_program(ROOT / "train.py", *arguments, cwd=cwd, COLUMNS="100", HF_HUB_OFFLINE="1")
    assert not check or done.returncode == 0, done.stdout[-4000:]
    return done


def test_a_run_prints_its_parameters_its_accuracy_its_folder_and_the_tensorboard_command(tmp_path):
    output = train("fit", *SMALL, cwd=tmp_path).stdout
    assert len(re.findall(r"^model: [\d,]+ parameters$", output, flags=re.MULTILINE)) == 1
    assert not any(each in output for each in ("FLOPs", "Tip:", "TPU", "Loading `train_dataloader`"))
    lines = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in output.splitlines() if "  " in line}
    assert re.fullmatch(r"[\d.]+%( in the last epoch, [\d.]+% in the best checkpoint)?", lines["val/accuracy"])
    assert lines["run"] == "runs/demo/version_0"
    program, arguments = lines["view with"].split(" ", 1)
    assert (
        shutil.which(program, path=os.pathsep.join([os.environ["PATH"], str(tmp_path)]))
        or (tmp_path / program).is_file()
    )
    assert arguments == "--samples_per_plugin images=1000 --logdir runs/demo/version_0"
    assert (tmp_path / lines["best checkpoint"]).is_file()
    assert (tmp_path / "runs/demo/version_0/checkpoints/last.ckpt").is_file()


def test_two_processes_with_two_arguments(tmp_path):
    arguments = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.max_epochs=1"]
    output = train("fit", *SMALL, *arguments, cwd=tmp_path).stdout
    assert "distributed_backend=gloo" in output
    assert "Starting with 2 processes" in output
    assert output.count("view with") == 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fails", [False, True])
def test_no_process_group_is_left_behind(fails, tmp_path, monkeypatch):
    def on_fit_start(self, *_):
        was_created.append(dist.is_initialized())
        if fails:
            raise RuntimeError("fuse blown")

    was_created = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.ImageClassifier, "on_fit_start", on_fit_start)
    arguments = ["fit", *SMALL, "--trainer.strategy=ddp", "--trainer.devices=1", "--trainer.max_epochs=1"]
    with mock.patch.dict(os.environ), pytest.raises(RuntimeError, match="fuse blown") if fails else nullcontext():
        cli.main(arguments)
    assert was_created == [True]
    assert not dist.is_initialized()


def test_without_a_command_the_help_is_shown(refused):
    assert re.search(r"^usage: python train.py COMMAND .* report write .*error: give a command", refused())


@pytest.fixture
def images(tmp_path):
    for name in ("ants", "bees"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(4):
            Image.effect_noise((40, 40), 60).convert("RGB").save(tmp_path / "images" / name / f"{index}.jpg")
    return tmp_path / "images"


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command that must fail, in this process, and returns what it prints."""

    def run(*arguments: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["train.py", *arguments])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(SystemExit) as ended:
                cli.main()
        assert ended.value.code not in (0, None)
        output = "".join(capsys.readouterr()) + (ended.value.code if isinstance(ended.value.code, str) else "")
        assert "Epoch 0" not in output
        return re.sub(r"[│\s]+", " ", output)

    return run


FINETUNE = [
    "fit", "--config", str(ROOT / "configs/finetune.yaml"), "--model.pretrained=false", "--model.name=timm/test_resnet",
    "--data.num_workers=0", "--data.image_size=64", "--trainer.max_epochs=1", "--cam.num_images=2",
    "--trainer.accelerator=cpu",
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data.root=nowhere"], "nowhere"),
        (["--data.root={images}/ants"], "class"),
        (["--model.name=resnet5O"], "unknown model 'resnet5O', did you mean .*'resnet50'"),
        (["--cam.explainer=grupcam"], "unknown explainer 'grupcam', did you mean 'group-cam'"),
        (["--model.checkpoint=absent.pth"], "there is no checkpoint 'absent.pth'"),
        (["--cam.colormap=rainbow"], "rainbow"),
        (["--data.batchsize=3"], "batchsize"),
    ],
    ids=lambda value: value[0][:40] if isinstance(value, list) else "",
)
def test_bad_input_is_one_clear_error_before_training(arguments, message, images, refused):
    arguments = [argument.format(images=images) for argument in arguments]
    root = [] if any("--data.root" in argument for argument in arguments) else [f"--data.root={images}"]
    output = refused(*FINETUNE, *root, *arguments)
    assert re.search(message, output[-1500:]), output[-3000:]


DATA = ["--data=ImageFolderDataModule", "--data.root=images"]
CONFIGURATIONS = {
    "keys": "cam:\n  explainr: grad-cam\n",
    "data": "data:\n  class_path: ImageFolderDataModule\n  init_args:\n    root: images\n    batch_size: many\n",
    "class": "data:\n  class_path: PhotoFoldr\n  init_args:\n    root: images\n",
    "broken": "model:\n  name: a\n lr: 1\n",
    "list": "- a\n- b\n",
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fitt"], "unknown command 'fitt', did you mean 'fit'.* expected one of fit, .*, advise, tensorboard, report"),
        (["fit"], r"fit needs data, in a file \(--config FILE\) or as arguments: python train.py fit --data Image"),
        (["fit", "--config=keys.yaml", *DATA], "unknown key 'cam.explainr' in the .*, did you mean 'cam.explainer'"),
        (["fit", *DATA, "--cam.explaner=x"], "unknown argument '--cam.explaner', did you mean '--cam.explainer'"),
        (["fit", *DATA, "--data.batchsize=3"], "ImageFolderDataModule has no argument 'batchsize', did .*'batch_size'"),
        (["fit", *DATA, "--cam.explainer.layer=x"], "--cam.explainer VerifiedCAM --cam.explainer.layer x"),
        (["fit", "--config=keys.yaml", *DATA], r"did you mean 'cam.explainer'.*\(/.*/keys.yaml, line 2\)"),
        (["fit", "--config=data.yaml"], r"`data.batch_size` must be an integer, got many \(/.*/data.yaml, line 5\)"),
        (["fit", "--config=class.yaml"], r"'PhotoFoldr', did you mean 'PhotoFolder'.*\(/.*/class.yaml, line 2\)"),
        (["fit", "--config=broken.yaml"], "/broken.yaml is not valid YAML in line 3, column 2: "),
        (["fit", "--config=list.yaml"], "/list.yaml must hold `name: value` pairs, got a list"),
        (["fit", "--config=images", *DATA], "--config takes a YAML file, and /.*/images is a folder"),
        (["fit", "--config=absent.yaml", *DATA], "there is no configuration file '/.*/absent.yaml'"),
        (["--config=keys.yaml", "fit", *DATA], "the settings of fit, .*, come after it: python train.py fit --config"),
        (["fit", "--data=nowhere.Absent"], "no class 'nowhere.Absent' .No module named 'nowhere'., in /.* or the inst"),
        (["fit", *DATA, "--trainer.precision=17"], "`trainer.precision` must be .*, got 17"),
        (["fit", *DATA, "--model.lr"], "--model.lr needs a value"),
        (["--vrsion"], "unknown argument '--vrsion', did you mean '--version'"),
        (["experiment", "--experiment=Insertion"], "`experiment` must be the name of a class, got 'Insertion'"),
        (["compare", "--config=keys.yaml", "--sedes=1"], "unknown argument '--sedes', did you mean '--seeds'"),
        (["report", "nowhere"], "/nowhere does not exist: give a run's folder"),
    ],
    ids=lambda value: " ".join(value)[-40:] if isinstance(value, list) else "",
)
def test_what_the_parser_refuses_is_one_sentence(arguments, message, refused, images, tmp_path):
    for name, text in CONFIGURATIONS.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    output = refused(*arguments)
    assert re.search(message, output), output
    assert not any(each in output for each in ("usage:", "<unicode string>", "Unexpected config", "Traceback"))
    assert "--help lists the arguments" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--cam.explainer=GradCAM", "--cam.explainer.layer=layer9"],
            "has no layer 'layer9', did you mean .*'layer4'",
        ),
        (
            ["--cam.num_images=100"],
            "100 probe images were asked for .num_images=., and all 2 that there are are explained",
        ),
    ],
)
def test_heatmaps_that_cannot_be_made_are_a_warning_and_training_goes_on(
    arguments, message, images, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py", *FINETUNE, f"--data.root={images}", *arguments])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cli.main()
    texts = [str(warning.message) for warning in caught if str(warning.message).startswith("CamLogger")]
    assert [bool(re.search(message, text)) for text in texts].count(True) == 1
    assert all("untrained model has such maps too" in text for text in texts if not re.search(message, text))


@pytest.mark.filterwarnings("ignore")
def test_commands_that_train_nothing_measure_the_weights_of_the_newest_run(images, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [*FINETUNE[1:], f"--data.root={images}"]
    evaluation = [each for each in arguments if "model.name" not in each and "model.pretrained" not in each]
    folder = Path(cli.main(["fit", *arguments]).trainer.log_dir, "checkpoints")
    for command, keyword in (("validate", "last"), ("test", "best")):
        model = cli.main([command, *evaluation, f"--ckpt_path={keyword}"]).model
        saved = torch.load(folder / f"{keyword}.ckpt", weights_only=True)["state_dict"]
        assert all(torch.equal(saved[name], value) for name, value in model.state_dict().items())
    shutil.rmtree("runs")
    with pytest.raises(
        FileNotFoundError, match=r"--ckpt_path last found no RUN/checkpoints/last.ckpt in the folder of"
    ):
        cli.main(["validate", *evaluation, "--ckpt_path=last"])


def test_random_weights_are_measured_with_a_warning(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py", "validate", *FINETUNE[1:], f"--data.root={images}"])
    with pytest.warns(UserWarning, match="the model that is measured has random weights: give it --ckpt_path"):
        cli.main()


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_of_other_classes_or_of_another_model_is_refused(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [*FINETUNE[1:], f"--data.root={images}"]
    last = Path(cli.main(["fit", *arguments]).trainer.log_dir, "checkpoints/last.ckpt")
    with pytest.raises(ValueError, match=r"is of the model 'timm/test_resnet', and model.name is 'timm/test_vit'"):
        cli.main(["validate", *arguments, "--model.name=timm/test_vit", f"--ckpt_path={last}"])
    (images / "ants").rename(images / "wasps")
    for command in ("validate", "fit"):
        with pytest.raises(
            ValueError, match=r"the 2 classes \[ants, bees\], and the data has the 2 classes \[bees, wa"
        ):
            cli.main([command, *arguments, f"--ckpt_path={last}"])


def test_weights_that_cannot_be_downloaded_are_one_clear_error(images, tmp_path):
    offline = ["--model.pretrained=true", "--model.name=resnet18", f"--data.root={images}"]
    done = train(*FINETUNE, *offline, cwd=tmp_path, check=False)
    assert done.returncode != 0
    assert "error: the pretrained weights of 'resnet18' could not be downloaded" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the checkpoint of one epoch of training, and its content."""
    folder = tmp_path_factory.mktemp("trained")
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.chdir(folder)
        last = Path(cli.main(["fit", *SHAPES]).trainer.log_dir, "checkpoints", "last.ckpt").absolute()
    return last, torch.load(last, weights_only=True)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of mapped files")
@pytest.mark.filterwarnings("ignore")
def test_a_resumed_run_keeps_no_file_of_its_checkpoint_open(trained, tmp_path, monkeypatch):
    # Windows would not let it write its next last.ckpt.
    monkeypatch.chdir(tmp_path)
    path = shutil.copy(trained[0], tmp_path / "resumed.ckpt")
    mapped = []
    run = cli.CamaugCLI._run_subcommand
    monkeypatch.setattr(cli.CamaugCLI, "_run_subcommand", lambda *given: (mapped.extend(mapped_files()), run(*given)))
    resumed = cli.main(["fit", *SHAPES, "--trainer.max_epochs=2", f"--ckpt_path={path}"])
    assert resumed.trainer.current_epoch == 2
    assert mapped
    assert not [line for line in mapped if line.endswith("resumed.ckpt")]
    content = torch.load(path, weights_only=True, mmap=True)
    assert [line for line in mapped_files() if line.endswith("resumed.ckpt")], content.keys()


def mapped_files() -> list[str]:
    return Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()


SHAPES = [
    "--data=ShapesDataModule", "--data.train_size=8", "--data.val_size=8", "--data.num_workers=0",
    "--data.image_size=32", "--data.batch_size=8", "--model.name=timm/test_resnet", "--trainer.accelerator=cpu",
    "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false", "--cam.only_last=true", "--cam.num_images=2", "--augmentation.share=0",
    "--cam.explainer=grad-cam",
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (
            {},
            ["fit", "--trainer.max_epochs=0"],
            "is of epoch 1, and trainer.max_epochs is 0: set --trainer.max_epochs to",
        ),
        ({"hyper_parameters": {"width": 3}}, ["validate"], r"of another LightningModule, .* \(its settings: width\)"),
        ({"state_dict": {"net.weight": torch.zeros(1)}}, ["test"], "of another LightningModule, not of camaug's Image"),
        (
            {"pytorch-lightning_version": None},
            ["validate"],
            "not of a training run: it has no 'pytorch-lightning_version",
        ),
        ({"state_dict": None}, ["fit"], "has no state_dict, so it is not of a training run.*--model.checkpoint FILE"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_one_sentence(change, arguments, message, trained, refused, tmp_path):
    content = {name: value for name, value in {**trained[1], **change}.items() if value is not None}
    torch.save(content, tmp_path / "given.ckpt")
    command, *others = arguments
    assert re.search(message, refused(command, *SHAPES, *others, "--ckpt_path=given.ckpt"))


def test_a_checkpoint_of_a_version_with_other_settings_names_them(trained, refused, tmp_path):
    settings = {**trained[1]["hyper_parameters"], "unheard_of": 3}
    torch.save({**trained[1], "hyper_parameters": settings}, tmp_path / "given.ckpt")
    output = refused("validate", *SHAPES, "--ckpt_path=given.ckpt")
    assert re.search(r"has the model settings unheard_of, which camaug \S+ does not know", output)


def test_a_folder_without_checkpoints_is_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    output = refused("test", f"--ckpt_path={tmp_path / 'empty'}", *SHAPES)
    assert f"there is no best.ckpt or last.ckpt in {tmp_path / 'empty'} or the folders below it" in output


def test_a_sharded_checkpoint_is_a_folder(tmp_path):
    (tmp_path / "meta.pt").touch()
    check_checkpoint_exists(str(tmp_path))


MACHINE = {
    "--trainer.accelerator=gpuu": "`trainer.accelerator` must be one of auto, .*, got 'gpuu', did you mean 'gpu'",
    "--trainer.strategy=ddpp": "`trainer.strategy` has no value 'ddpp', did you mean 'ddp'",
    "--model.name=timm/test_vit --data.image_size=40": "not take images of this size .* set --data.image_size",
    "--data=mine.Raises": r"your code raised KeyError: 'nothing here' \(/.*/mine.py, line 5, in __init__\)",
    "--data.batch_size=0": "`batch_size` is the number of images in a batch, at least 1, got 0",
}


@pytest.mark.parametrize("arguments", MACHINE)
def test_what_the_libraries_or_the_users_code_refuse_is_one_sentence(arguments, refused, tmp_path, monkeypatch):
    module = ["import lightning as L", "class Raises(L.LightningDataModule):", "    def __init__(self):",
              "        super().__init__()", "        raise KeyError('nothing here')"]  # fmt: skip
    (tmp_path / "mine.py").write_text("\n".join(module))
    monkeypatch.syspath_prepend(tmp_path)
    given = arguments.split()
    settings = [each for each in SHAPES if not each.startswith("--data") or "mine" not in arguments]
    output = refused("fit", *settings, *given)
    assert re.search(MACHINE[arguments], output), output
    assert "Traceback" not in output


def ended_by(error: type[BaseException] | BaseException, refused, monkeypatch, *arguments: str) -> str:
    def training_step(*_):
        raise error

    monkeypatch.setattr(cli.ImageClassifier, "training_step", training_step)
    return refused("fit", *SHAPES, *arguments)


def test_the_traceback_is_in_the_run_and_shown_on_demand(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("CAMAUG_TRACEBACK", "")  # so that it is restored
    monkeypatch.delenv("CAMAUG_TRACEBACK")
    short = ended_by(torch.OutOfMemoryError("CUDA out of memory."), refused, monkeypatch)
    log = tmp_path / "runs/camaug/version_0/traceback.txt"
    assert re.search(rf"error: memory is short: set .* \(the traceback is in {log}; --traceback shows where", short)
    assert "Traceback" not in short
    assert "OutOfMemoryError: CUDA out of memory." in log.read_text()
    long = ended_by(torch.OutOfMemoryError("CUDA out of memory."), refused, monkeypatch, "--traceback")
    assert re.search(r"Traceback .* training_step .* error: memory is short", long)


def test_ctrl_c_ends_with_its_status_and_the_way_to_go_on(refused, monkeypatch):
    with default_signals():  # Lightning ignores SIGINT once it has arrived
        output = ended_by(KeyboardInterrupt, refused, monkeypatch)
    assert "interrupted: the same command with --ckpt_path last resumes the run" in output
    assert "Traceback" not in output


EXPLAIN = [
    "predict", "--config", str(ROOT / "configs/explain.yaml"), "--model.pretrained=false",
    "--model.name=timm/test_resnet", "--data.num_workers=0", "--trainer.accelerator=cpu",
]  # fmt: skip


def test_predict_prints_the_folder_of_the_explanations(images, tmp_path):
    (images / "bees/1.jpg").write_bytes((images / "bees/1.jpg").read_bytes()[:300])
    done = train(*EXPLAIN, f"--data.root={images}", "--explainer=grad-cam", "--output=my results", cwd=tmp_path)
    lines = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in done.stdout.splitlines() if "  " in line}
    assert lines["photos"] == "7 explained, 0 done before, 1 failed"
    assert lines["results"] == "my results"
    assert lines["failed"] == str(images / "bees/1.jpg")
    assert "leaves out one image and goes on" in done.stdout
    assert "random weights" in done.stdout
    assert len(list((tmp_path / "my results").rglob("*_overlay.png"))) == 7
    again = train(*EXPLAIN, f"--data.root={images / 'ants'}", "--output=other", "--explainer=nonsense",
                  cwd=tmp_path, check=False)  # fmt: skip
    assert again.returncode != 0
    assert "unknown explainer 'nonsense', " in " ".join(again.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data.root=nowhere"], "the folder of photos nowhere does not exist"),
        (["--data.root={images}", "--explainer.groups=3", "--explainer=GradCAM"], "groups"),
        (["--data.root={images}", "--writer.target=flamingoo"], "no class 'flamingoo', did you mean 'flamingo'"),
        (["--data.root={images}", "--model.checkpoint={weights}"], "no head of 1000 classes, .* set model.num_classes"),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, list) else "",
)
def test_bad_input_to_predict_is_one_clear_error(arguments, message, images, refused, tmp_path):
    import timm
    import torch

    weights = tmp_path / "five.pth"
    torch.save(timm.create_model("test_resnet", num_classes=5).state_dict(), weights)
    arguments = [argument.format(images=images, weights=weights) for argument in arguments]
    output = refused(*EXPLAIN, *arguments)
    assert re.search(message, output[-2500:]), output[-3000:]
    assert not list(tmp_path.rglob("*_overlay.png"))


def test_predict_has_no_arguments_of_training(tmp_path):
    output = train("predict", "--help", cwd=tmp_path).stdout
    assert "--explainer" in output
    assert "--output" in output
    assert not any(f"--{section}" in output for section in ("cam.", "augmentation", "checkpoint."))


EXPERIMENT = [
    "experiment", "--config", str(ROOT / "configs/experiments/insertion_deletion.yaml"), "--model.pretrained=false",
    "--model.name=timm/test_resnet", "--data.num_workers=0", "--trainer.accelerator=cpu", "--images=4",
    "--experiment.reference=null",
]  # fmt: skip


def test_an_experiment_prints_its_tables_and_the_path_of_its_report(images, tmp_path):
    (images / "bees/1.jpg").write_bytes((images / "bees/1.jpg").read_bytes()[:300])
    small = ["--experiment.methods=[random,grad-cam]", "--experiment.step=0.5", "--images=8"]
    done = train(*EXPERIMENT, *small, f"--data.root={images}", "--output=my results", cwd=tmp_path)
    lines = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in done.stdout.splitlines() if "  " in line}
    assert lines["report"] == "my results/report.md"
    assert lines["view with"].endswith("--logdir 'my results'")
    assert "paired differences" in done.stdout
    assert "random weights" in done.stdout
    output = " ".join(done.stdout.split())
    assert "Images: 7 of 8 from images." in output
    assert "Left out: 1 of the chosen images, which cannot be read" in output
    assert (tmp_path / "my results/report.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data.root=nowhere"], "the folder of photos nowhere does not exist"),
        (["--data.root={images}", "--experiment.methods=[grupcam]"], "unknown explainer 'grupcam'"),
        (["--data.root={images}", "--experiment.step=0"], "`step` must be a positive share"),
        (["--data.root={images}", "--images=0"], "`num_images` must be at least 1, or None for all images"),
        (["--data.root={images}", "--experiment.target=label"], "no labels of the model's classes are known"),
        (["--data.root={images}", "--experiment=Insertion"], "Insertion"),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, list) else "",
)
def test_bad_input_to_an_experiment_is_one_clear_error(arguments, message, images, refused, tmp_path):
    output = refused(*EXPERIMENT, *(each.format(images=images) for each in arguments))
    assert re.search(message, output[-2500:]), output[-3000:]
    assert not list(tmp_path.rglob("report.md"))


def test_an_experiment_has_no_arguments_of_training(tmp_path):
    output = train("experiment", "--help", cwd=tmp_path).stdout
    assert "--experiment" in output
    assert "--images" in output
    assert not any(f"--{section}" in output for section in ("cam.", "augmentation", "checkpoint.", "writer"))


def test_the_installed_command_is_the_same_command_line(tmp_path):
    done = subprocess.run(
        [str(Path(sys.executable).parent / "camaug"), "fit", "--help"],
        cwd=tmp_path, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0
    assert "--augmentation.share" in done.stdout
    assert "--cam.explainer" in done.stdout


def test_the_installed_command_succeeds_with_status_zero(tmp_path, monkeypatch):
    # The value of an entry point is the exit status of the program, and ``main`` returns objects.
    monkeypatch.setattr(cli, "main", lambda: tmp_path / "camaug.html")
    assert cli.command() is None
