"""The command writes a film or a still of a run, and refuses what it cannot do."""

from __future__ import annotations

import pytest
from PIL import Image

from camaug.cli import main
from tests.tensorboard.conftest import make_snapshot, write_run


@pytest.fixture
def refused(capsys):
    """Return a function that runs the command, which must fail with a message, and returns the message."""

    def run_command(*arguments) -> str:
        with pytest.raises(SystemExit, match="2"):
            main(["film", *map(str, arguments)])
        return capsys.readouterr().err

    return run_command


def durations(path) -> list[int]:
    with Image.open(path) as film:
        found = []
        for number in range(film.n_frames):
            film.seek(number)
            film.load()
            found.append(film.info["duration"])
        return found


def test_a_film_of_the_image_that_changes_most_is_written_into_the_run(run, capsys):
    assert main(["film", str(run)]) == run / "camaug.webp"
    assert durations(run / "camaug.webp") == [600, 600, 2600]
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("image ")
    assert first.endswith("), whose heatmaps change most; heatmaps by group-cam in 3 snapshots")
    assert second.startswith(f"film: {run / 'camaug.webp'} (3 frames, 3.8 seconds, ")
    assert not list(run.glob(".*.tmp"))


def test_images_size_speed_and_file_can_be_given(run, tmp_path, capsys):
    output = tmp_path / "new" / "a.WebP"
    arguments = ["--image", "30", "0", "--size", "64", "--fps", "10", "--every", "2", "--output", str(output)]
    assert main(["film", str(run), *arguments]) == output
    assert durations(output) == [100, 2100]
    assert capsys.readouterr().out.startswith("images 30 (unlabelled), 0 (ant); heatmaps by group-cam in 3 snapshots\n")
    with Image.open(output) as small:
        assert small.width == 2 * 6 + 3 * 64 + 2 * 4


def test_several_images_that_change_most(run, capsys):
    main(["film", str(run), "--count", "2", "--seconds", "1.5"])
    assert durations(run / "camaug.webp") == [500, 500, 2500]
    assert capsys.readouterr().out.startswith("images ")


@pytest.mark.parametrize(("suffix", "file_format"), [("png", "PNG"), ("webp", "WEBP")])
def test_a_still_has_snapshots_side_by_side(suffix, file_format, run, tmp_path, capsys):
    output = tmp_path / f"still.{suffix}"
    assert main(["film", str(run), "--still", "2", "--size", "64", "--output", str(output)]) == output
    with Image.open(output) as still:
        assert (still.format, still.width, getattr(still, "n_frames", 1)) == (file_format, 3 * 64 + 2 * 4, 1)
        assert still.convert("RGB").getpixel((65, 5)) == (255, 255, 255)
    assert "still: " in capsys.readouterr().out


def test_both_kinds_of_still_have_the_same_pixels(run, tmp_path):
    pixels = []
    for suffix in ("png", "webp"):
        output = tmp_path / f"still.{suffix}"
        main(["film", str(run), "--still", "3", "--output", str(output)])
        with Image.open(output) as still:
            pixels.append(still.convert("RGB").tobytes())
    assert pixels[0] == pixels[1]


def test_a_single_snapshot_is_a_film_of_one_frame(tmp_path):
    write_run(tmp_path / "run", [make_snapshot(0)])
    with Image.open(main(["film", str(tmp_path / "run")])) as film:
        assert film.format == "WEBP"


def test_what_is_not_in_the_run_is_refused(run, tmp_path, refused):
    assert "does not exist: give a run's folder" in refused(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "empty").mkdir()
    assert "has no data of the camaug tab" in refused(tmp_path / "empty")
    assert "no heatmaps of image 5, expected one of 0, 10, 20, 30" in refused(run, "--image", 5)
    assert "no heatmaps of the method 'grad-cam', did you mean 'group-cam'?" in refused(run, "--method", "grad-cam")
    assert "no heatmaps of the tag 'test'" in refused(run, "--tag", "test")
    assert not (run / "camaug.webp").exists()


def test_outputs_that_cannot_be_written_are_refused(run, tmp_path, refused):
    assert "is a folder: give a file, such as" in refused(run, "--output", tmp_path)
    (tmp_path / "file").touch()
    message = refused(run, "--output", tmp_path / "file" / "a.webp")
    assert "films are written to a folder, and" in message
    assert "a film is written to a file that ends in .webp, got a.gif" in refused(run, "--output", tmp_path / "a.gif")
    message = refused(run, "--still", 2, "--output", tmp_path / "a.jpg")
    assert "a still is written to a file that ends in .png or .webp, got a.jpg" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "0"], "--count must be at least 1, got 0"),
        (["--every", "0"], "--every must be at least 1, got 0"),
        (["--still", "0"], "--still must be at least 1, got 0"),
        (["--size", "63"], "--size must be from 64 to 2048 pixels, got 63"),
        (["--fps", "0"], "--fps is a number of frames a second from 1/60 to 50, got 0"),
        (["--fps", "2", "--seconds", "2"], "--fps and --seconds are two ways"),
        (["--still", "2", "--fps", "2"], "--fps and --seconds are for films, and --still writes one image"),
        (["--colormap", "heat"], "invalid choice: 'heat'"),
        (["--image", "0", "--count", "2"], "not allowed with"),
        (["--imag", "0"], "unknown argument '--imag', did you mean '--image'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message, run, refused):
    assert message in refused(run, *arguments)
    assert not list(run.glob("*.webp"))


def test_a_film_that_fails_leaves_the_older_one(run, refused, monkeypatch):
    (run / "camaug.webp").write_bytes(b"older")

    def fail(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr("camaug.film.film_command.write_animation", fail)
    assert "No space left on device" in refused(run)
    assert (run / "camaug.webp").read_bytes() == b"older"
    assert not list(run.glob(".*.tmp"))


def test_too_large_a_film_is_refused(tmp_path, refused):
    write_run(tmp_path / "run", [make_snapshot(0, probes=4)])
    message = refused(tmp_path / "run", "--count", 4, "--size", 2048)
    assert "12 panels of 2048 px are 50 million pixels, and at most 40 are drawn: give fewer images" in message
