"""The command ``camaug film``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from rich.console import Console

from camaug.film.choose_probes import check_probes, most_changed_probes
from camaug.film.choose_series import choose_series
from camaug.film.draw_frame import draw_frame
from camaug.film.draw_still import draw_still, spread_snapshots
from camaug.film.film import Film
from camaug.film.film_style import FilmStyle
from camaug.film.frame_times import frame_times
from camaug.images.animation import LARGEST_SIDE, write_animation
from camaug.images.render import COLORMAPS
from camaug.images.theme import DARK, WHITE
from camaug.images.writing import as_pil
from camaug.tensorboard.data_source import DataSource, NotLoggedError
from camaug.tensorboard.load_runs import folder_of_run, load_runs
from camaug.utils.atomic_write import opened_atomically
from camaug.utils.check_folder import check_folder
from camaug.utils.command_parser import CommandParser
from camaug.utils.counted import counted
from camaug.utils.progress import with_progress

__all__ = ["film_command"]

FORMATS = {".png": "PNG", ".webp": "WEBP"}
THEMES = {"dark": DARK, "white": WHITE}
SMALLEST_SIZE, LARGEST_SIZE = 64, 2048  # pixels
MOST_PIXELS = 40  # millions: as many as a screen of 8K has, and half a gigabyte while they are drawn


def film_command(arguments: Sequence[str]) -> Path:
    """Run the command ``camaug film``.

    Args:
        arguments: Command-line arguments after ``film``.

    Returns:
        Path of the film or the still.
    """
    parser = _parser()
    options = parser.parse_args(list(arguments))
    try:
        _check(options)
        source = load_runs(options.run)
        output = _output(options)
        film, numbers = _read(source, options)
        with opened_atomically(output) as file:
            if options.still is None:
                written = _write_film(file, film, numbers, options)
            else:
                written = _write_still(file, film, numbers, options, FORMATS[output.suffix.lower()])
    except (ValueError, OSError, NotLoggedError) as error:
        parser.error(str(error))
    console = Console()
    kind = "film" if options.still is None else "still"
    size = output.stat().st_size / 1e6
    for line in (_shown(film, is_chosen=options.image is None), f"{kind}: {output} ({written}, {size:.2f} MB)"):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return output


def _parser() -> CommandParser:
    parser = CommandParser(
        "film",
        "Write an animated WebP of an image of a run: what the model attended to from snapshot to snapshot, and what "
        "it predicted. For a slide, a web page or, with --still, a paper.",
        "runs/camaug/version_0",
    )
    parser.add_argument("run", help="folder of one run, or an event file; also an address, s3://BUCKET/RUN")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--image", type=int, nargs="+", metavar="INDEX", help="images by their index, as in the tab")
    chosen.add_argument(
        "--count",
        type=int,
        default=1,
        metavar="N",
        help="without --image: number of images, those whose heatmaps change most; 1 by default",
    )
    parser.add_argument("--method", help="method of the heatmaps; by default that with the most snapshots")
    parser.add_argument("--tag", help="tag of the CamLogger, such as cam or cam_test; any by default")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="output file; by default camaug.webp in the run's folder"
    )
    parser.add_argument(
        "--still",
        type=int,
        metavar="N",
        help="one image in place of a film: N snapshots side by side, as PNG or WebP; by default camaug.png in the "
        "run's folder",
    )
    parser.add_argument("--size", type=int, default=224, help="longer side of each image in pixels; 224 by default")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="every Nth snapshot and the last; 1 by default"
    )
    parser.add_argument("--fps", type=float, help="snapshots a second; by default as many as make at most 8 seconds")
    parser.add_argument("--seconds", type=float, help="length of the film in place of --fps, before the last is held")
    parser.add_argument("--colormap", choices=COLORMAPS, default="viridis", help="colours; viridis by default")
    parser.add_argument(
        "--background", choices=THEMES, help="around the images; by default dark for films and white for stills"
    )
    return parser


def _check(options: argparse.Namespace) -> None:
    """Raise a ValueError for options that no run can have."""
    for name in ("count", "still", "every"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name} must be at least 1, got {value}")
    if not SMALLEST_SIZE <= options.size <= LARGEST_SIZE:
        raise ValueError(f"--size must be from {SMALLEST_SIZE} to {LARGEST_SIZE} pixels, got {options.size}")
    if options.still is not None and (options.fps, options.seconds) != (None, None):
        raise ValueError("--fps and --seconds are for films, and --still writes one image: leave one of them out")


def _output(options: argparse.Namespace) -> Path:
    """Return the output file, in a folder where files can be written."""
    kind, suffixes = ("film", (".webp",)) if options.still is None else ("still", (".png", ".webp"))
    output: Path = options.output or folder_of_run(options.run) / f"camaug{suffixes[0]}"
    if output.is_dir():
        raise ValueError(f"{output.absolute()} is a folder: give a file, such as {output / f'camaug{suffixes[0]}'}")
    if output.suffix.lower() not in suffixes:
        raise ValueError(f"a {kind} is written to a file that ends in {' or '.join(suffixes)}, got {output.name}")
    check_folder(output.parent, f"{kind}s")
    return output


def _read(source: DataSource, options: argparse.Namespace) -> tuple[Film, list[int]]:
    """Read the film, and the numbers of the snapshots that it shows."""
    series = choose_series(source, options.method, options.tag)
    record = source.snapshots(series)
    if options.image is None:
        probes = most_changed_probes(record, options.count)
    else:
        probes = check_probes(record, options.image)
    film = Film.read(source, series, record, probes)
    last = len(film.steps) - 1
    return film, sorted({*range(0, last, options.every), last})


def _shown(film: Film, *, is_chosen: bool) -> str:
    names = [f"{history.probe} ({', '.join(history.label_names) or 'unlabelled'})" for history in film.histories]
    why = ", whose heatmaps change most" if is_chosen else ""
    noun = "image" if len(names) == 1 else "images"
    return f"{noun} {', '.join(names)}{why}; heatmaps by {film.method} in {counted(len(film.steps), 'snapshot')}"


def _check_pixels(panels: int, size: int) -> None:
    """Raise a ValueError if an image of so many panels takes too much memory."""
    millions = panels * size**2 / 1e6
    if millions > MOST_PIXELS:
        raise ValueError(
            f"{panels} panels of {size} px are {millions:.0f} million pixels, and at most {MOST_PIXELS} are drawn: "
            "give fewer images, fewer snapshots side by side, or a smaller --size"
        )


def _write_film(file: BinaryIO, film: Film, numbers: Sequence[int], options: argparse.Namespace) -> str:
    _check_pixels(len(film.histories) * (3 if film.has_true_maps else 2), options.size)
    style = FilmStyle(options.size, options.colormap, THEMES[options.background or "dark"])
    times = frame_times(len(numbers), fps=options.fps, seconds=options.seconds)
    frames = (as_pil(draw_frame(film, number, style)) for number in with_progress(numbers, "drawing snapshots"))
    write_animation(file, frames, times)
    return f"{counted(len(numbers), 'frame')}, {sum(times):.1f} seconds"


def _write_still(
    file: BinaryIO, film: Film, numbers: Sequence[int], options: argparse.Namespace, file_format: str
) -> str:
    style = FilmStyle(options.size, options.colormap, THEMES[options.background or "white"])
    shown = spread_snapshots(numbers, options.still)
    _check_pixels(len(film.histories) * (1 + len(shown)), options.size)
    still = as_pil(draw_still(film, shown, style))
    size = f"{still.width:,} x {still.height:,}"
    if file_format == "WEBP" and max(still.size) > LARGEST_SIDE:
        raise ValueError(
            f"a WebP has at most {LARGEST_SIDE:,} pixels a side, and this still has {size}: write a PNG, or make the "
            "images smaller or fewer"
        )
    still.save(file, file_format, lossless=True)  # which PNG always is
    return f"{counted(len(shown), 'snapshot')} side by side, {size} pixels"
