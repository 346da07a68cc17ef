"""Compressed checkpoints, which unpack to a thousand times their size."""

from __future__ import annotations

import io
import zipfile

import pytest
import torch

from camaug.training.check_archive import check_archive
from camaug.training.checkpoints import read_checkpoint
from camaug.training.load_weights import load_weights

WEIGHTS = {"weight": torch.zeros(1000, 1000), "bias": torch.zeros(1000)}


@pytest.fixture
def bomb(tmp_path):
    """Return a compressed checkpoint of 4 MB of zeros."""
    whole = io.BytesIO()
    torch.save({"state_dict": WEIGHTS}, whole)
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as compressed:
        for name in archive.namelist():
            compressed.writestr(name, archive.read(name))
    assert torch.load(path, weights_only=True)["state_dict"].keys() == WEIGHTS.keys()  # by PyTorch alone
    assert path.stat().st_size < 20_000
    return path


@pytest.mark.parametrize("load", [read_checkpoint, lambda path: load_weights(torch.nn.Linear(1000, 1000), path)])
def test_a_compressed_checkpoint_is_refused_with_its_size_before_it_is_loaded(load, bomb, monkeypatch):
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(ValueError, match=r"bomb\.ckpt' of [\d,]{5,6} bytes unpacks to 4,0\d\d,\d+ bytes"):
        load(bomb)


def test_what_shares_its_bytes_is_refused(tmp_path):
    # Entries that overlap are a bomb without compression.
    torch.save(WEIGHTS, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt", "a") as archive:
        archive.filelist.extend(archive.infolist())
        archive._didModify = True
    with pytest.raises(ValueError, match=r"a\.pt' of 4,0[\d,]* bytes unpacks to 8,0[\d,]* bytes"):
        check_archive(tmp_path / "a.pt")


@pytest.mark.parametrize("is_archive", [True, False])
def test_what_pytorch_saves_is_loaded(is_archive, tmp_path):
    torch.save({"state_dict": WEIGHTS}, tmp_path / "a.pt", _use_new_zipfile_serialization=is_archive)
    check_archive(tmp_path / "a.pt")
    assert load_weights(torch.nn.Linear(1000, 1000), tmp_path / "a.pt") == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_other_files_are_left_to_pytorch(content, tmp_path):
    (tmp_path / "a.pt").write_bytes(content)
    check_archive(tmp_path / "a.pt")
    check_archive(tmp_path / "absent.pt")
