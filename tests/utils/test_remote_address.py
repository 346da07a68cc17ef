from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from camaug.utils.check_folder import check_folder
from camaug.utils.remote_address import check_local, is_remote, write_to


@pytest.mark.parametrize(
    "address", ["s3://bucket/runs", "gs://bucket", "memory://a", "simplecache::s3://b", "hdfs:///a"]
)
def test_addresses_are_recognised_also_where_path_has_spoilt_them(address):
    assert is_remote(address)
    assert is_remote(Path(address))


@pytest.mark.parametrize("path", ["runs", "/runs", "C:/runs", "C:\\runs", "./s3:/x", "~/runs", "a:b", "12:/x"])
def test_paths_are_not_addresses(path):
    assert not is_remote(path)
    check_local(path, "the results")


@pytest.mark.parametrize("given", ["s3://bucket/runs", Path("s3://bucket/runs")])
def test_the_error_names_the_address_as_it_was_written(given):
    expected = "the results cannot be in remote storage, got s3://bucket/runs: give a local folder"
    with pytest.raises(ValueError, match=f"^{expected}$"):
        check_local(given, "the results")


def test_an_address_is_refused_as_a_folder_of_results_and_no_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="the reports cannot be in remote storage, got gs://bucket/reports"):
        check_folder(Path("gs://bucket/reports"), "the reports")
    assert os.listdir(tmp_path) == []


def test_files_are_written_to_folders_and_to_addresses(tmp_path):
    address = f"memory://{tmp_path.name}"
    for folder in (tmp_path, address, f"{address}/"):
        write_to(folder, "deep/a.txt", "grün")
        write_to(folder, "deep/a.txt", "gelb")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"gelb"
    assert fsspec.filesystem("memory").cat_file(f"{address}/deep/a.txt") == b"gelb"
