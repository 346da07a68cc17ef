"""The README's image of heatmaps, made from a run's event file: ``python docs/heatmaps.py runs/demo/version_0``."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

GAP = 12
OUTPUT = Path(__file__).parent / "images" / "heatmaps.png"


def main(run: str) -> None:
    """Paste the overviews of the first, the third and the last epoch side by side."""
    events = EventAccumulator(run, size_guidance={"images": 0}).Reload().Images("cam/overview")
    overviews = [Image.open(io.BytesIO(events[epoch].encoded_image_string)) for epoch in (0, 2, -1)]
    width, height = overviews[0].size
    image = Image.new("RGB", (len(overviews) * (width + GAP) - GAP, height), "white")
    for position, overview in enumerate(overviews):
        image.paste(overview, (position * (width + GAP), 0))
    image.thumbnail((1600, 1600))
    image.quantize(256).save(OUTPUT, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
