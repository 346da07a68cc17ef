"""Images of every mode and orientation load as upright RGB images."""

from __future__ import annotations

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from camaug.images.loading import load_image
from tests.images.deep_files import ramp, write_png16


def test_exif_orientation_is_applied(tmp_path):
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :10] = 255  # white to the left of the file, and so on top of the image
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned by 90 degrees clockwise
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    upright = np.asarray(load_image(tmp_path / "turned.jpg"))
    assert upright.shape == (40, 20, 3)
    assert upright[:8].mean() > 250
    assert upright[12:].mean() < 5


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("L", ".png"),
        ("LA", ".png"),
        ("P", ".png"),
        ("P", ".gif"),
        ("RGBA", ".png"),
        ("1", ".png"),
        ("CMYK", ".jpg"),
        ("L", ".jpg"),
    ],
)
def test_every_mode_loads_as_rgb(tmp_path, mode, suffix):
    source = Image.new("RGB", (8, 8), (200, 200, 200)).convert(mode)
    source.save(tmp_path / f"image{suffix}")
    image = load_image(tmp_path / f"image{suffix}")
    assert image.mode == "RGB"
    assert np.asarray(image).mean() == pytest.approx(200, abs=3) or mode == "1"


def test_sixteen_bit_grey_keeps_its_tones(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 16).astype(np.uint16), (16, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    tones = np.asarray(load_image(tmp_path / "ramp.png"))[0, :, 0]
    assert tones.tolist() == [value >> 8 for value in ramp[0].tolist()]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png(tmp_path, channels):
    def in_channels(values):
        opaque = [np.full_like(values, 65535)] if channels in (2, 4) else []
        return np.stack([values] * (channels - len(opaque)) + opaque, axis=2)

    path = write_png16(tmp_path / "ramp.png", in_channels(ramp(65535)))
    assert shades(load_image(path)) == [17 * step for step in range(16)]
    half = write_png16(path, in_channels(ramp(4095)))
    assert shades(load_image(half, (0, 4095))) == [value >> 4 for value in ramp(4095)[0].tolist()]
    assert shades(load_image(half)) == [step * 17 // 16 for step in range(16)]


@pytest.mark.parametrize("name", ["grey.tif", "grey.pgm", "grey.jp2"])
def test_16_bit_grey_of_other_formats(tmp_path, name):
    Image.fromarray(ramp(65535, height=16)).save(tmp_path / name)
    assert shades(load_image(tmp_path / name)) == [17 * step for step in range(16)]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_16_bit_colours_of_a_tiff(tmp_path, byteorder, compression):
    tifffile = pytest.importorskip("tifffile")
    colours = np.stack([ramp(4095), ramp(2047), 4095 - ramp(4095)], axis=2)
    settings = {"byteorder": byteorder, "compression": compression, "photometric": "rgb"}
    tifffile.imwrite(tmp_path / "x.tif", colours, **settings)
    assert np.array_equal(np.asarray(load_image(tmp_path / "x.tif", (0, 4095))), colours >> 4)
    assert np.array_equal(np.asarray(load_image(tmp_path / "x.tif")), colours >> 8)


def test_16_bit_colours_in_planes(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    planes = np.stack([ramp(65535)] * 3)
    tifffile.imwrite(tmp_path / "x.tif", planes, photometric="rgb", planarconfig="separate")
    assert shades(load_image(tmp_path / "x.tif"))[::5] == [0, 85, 170, 255]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_point_colours(tmp_path, dtype):
    tifffile = pytest.importorskip("tifffile")
    colours = np.stack([ramp(3000) / 3000] * 3, axis=2).astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", colours, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    assert shades(load_image(tmp_path / "x.tif").rotate(90, expand=True))[::5] == [0, 85, 170, 255]
    tifffile.imwrite(tmp_path / "far.tif", 2 * colours, photometric="rgb")
    assert shades(load_image(tmp_path / "far.tif", (0, 2)))[::5] == [0, 85, 170, 255]
    with pytest.raises(OSError, match=r"far.tif': its \w+ values reach from 0 to 2.*value_range="):
        load_image(tmp_path / "far.tif")


def test_floating_point_colours_need_tifffile(tmp_path, monkeypatch):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((4, 4, 3), np.float32), photometric="rgb")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(OSError, match=r"x.tif': it is no TIFF that Pillow reads, .*: pip install tifffile"):
        load_image(tmp_path / "x.tif")


def test_floating_point_tiff(tmp_path):
    Image.fromarray((ramp(4095) / 4095).astype(np.float32)).save(tmp_path / "unit.tif")
    assert shades(load_image(tmp_path / "unit.tif"))[::5] == [0, 85, 170, 255]
    Image.fromarray(ramp(3000).astype(np.float32) - 1000).save(tmp_path / "ct.tif")
    assert shades(load_image(tmp_path / "ct.tif", (-1000, 2000)))[::5] == [0, 85, 170, 255]
    assert shades(load_image(tmp_path / "ct.tif", "percentiles"))[-1] == 255
    with pytest.raises(OSError, match=r"ct.tif.* from -1000 to 2000, and floating-point images have values "):
        load_image(tmp_path / "ct.tif")


def test_a_range_leaves_8_bit_images_as_they_are(tmp_path):
    Image.fromarray(np.arange(256, dtype=np.uint8)[None].repeat(4, 0)).save(tmp_path / "x.png")
    for value_range in ((0, 4095), "percentiles"):
        assert shades(load_image(tmp_path / "x.png", value_range)) == list(range(256))


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize(("name", "compression"), [("x.png", None), ("x.tif", None), ("x.tif", "tiff_lzw")])
def test_grey_images_are_turned_upright(tmp_path, name, compression, deep):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = ramp(65535) if deep else (ramp(65535) >> 8).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / name, exif=exif, compression=compression)
    image = load_image(tmp_path / name)
    assert image.size == (4, 16)
    assert shades(image.transpose(Image.Transpose.ROTATE_90)) == [17 * step for step in range(16)]


def test_deep_colours_are_turned_upright(tmp_path):
    path = write_png16(tmp_path / "x.png", np.repeat(ramp(4095)[..., None], 3, axis=2))
    exif = Image.Exif()
    exif[0x0112] = 6
    content = path.read_bytes()
    tag = exif.tobytes()[6:]
    chunk = struct.pack(">I", len(tag)) + b"eXIf" + tag + struct.pack(">I", zlib.crc32(b"eXIf" + tag))
    path.write_bytes(content[:33] + chunk + content[33:])  # after the header
    assert load_image(path, (0, 4095)).size == load_image(path).size == (4, 16)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_the_first_image_of_an_animation_is_read(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((200, 0, 0), (0, 200, 0))]
    frames[0].save(tmp_path / f"x{suffix}", save_all=True, append_images=frames[1:], duration=50)
    assert np.asarray(load_image(tmp_path / f"x{suffix}")).mean(axis=(0, 1)) == pytest.approx([200, 0, 0], abs=8)


def test_very_small_and_very_large_images(tmp_path, monkeypatch):
    Image.new("RGB", (1, 1), (9, 8, 7)).save(tmp_path / "one.png")
    assert load_image(tmp_path / "one.png").getpixel((0, 0)) == (9, 8, 7)
    Image.new("L", (2, 300)).save(tmp_path / "narrow.png")
    with pytest.raises(OSError, match=r"narrow.png': it is 2 × 300 pixels, expected one side at most 100 times"):
        load_image(tmp_path / "narrow.png")
    Image.new("L", (200, 200)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64)
    with pytest.raises(OSError, match=r"large.png': Image size \(40000 pixels\) exceeds limit"):
        load_image(tmp_path / "large.png")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x.heic", ".heic files cannot be read here: pip install pillow-heif"),
        ("x.dcm", ".dcm files cannot be read here: convert them to PNG or TIFF"),
        ("x.tif", "it is no TIFF that Pillow reads, which are grey with 8, 16 or 32 bits and RGB with 8 or 16"),
        ("x.png", "cannot identify image file"),
    ],
)
def test_other_formats_are_refused_with_a_remedy(tmp_path, name, reason):
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(OSError, match=f"cannot read image .*{name}': {reason}"):
        load_image(tmp_path / name)


def shades(image: Image.Image) -> list[int]:
    """Return the values of the first row, after a check that the image is grey."""
    pixels = np.asarray(image)
    assert image.mode == "RGB"
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist()
