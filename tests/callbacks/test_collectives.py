"""Collectives of two processes on a device whose process group takes no tensors of the CPU, as NCCL takes none."""

from __future__ import annotations

import pytest

from tests.processes import run_ranks
from tests.simulated_device.backend import BACKEND, MISSING

RUNS = ("watched", "paired", "bank", "one probe", "no logger on rank one", "written")

pytestmark = pytest.mark.skipif(BACKEND is None, reason=MISSING)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return run_ranks("tests.callbacks.collectives_script", tmp_path_factory.mktemp("collectives"))[0]


def test_the_group_refuses_tensors_of_the_cpu(results):
    assert [result["refused"] for result in results] == ["no backend type associated with device type cpu"] * 2


@pytest.mark.parametrize("run", RUNS)
def test_both_processes_exchange_the_same_in_the_same_order_and_nothing_fails(run, results):
    one, other = (result[run] for result in results)
    assert one["messages"] == other["messages"]
    assert len(one["messages"]) > 8
    assert one["failures"] == other["failures"] == []


@pytest.mark.parametrize(("run", "name", "count"), [
    ("watched", "cam/drift", 28),
    ("one probe", "cam_eval/average_drop", 17),
    ("no logger on rank one", "cam/drift", 11),
])  # fmt: skip
def test_both_processes_have_the_same_metrics(run, name, count, results):
    one, other = (result[run]["metrics"] for result in results)
    assert one == other
    assert name in one
    assert len(one) == count


def test_both_processes_know_how_many_files_all_have_written(results):
    assert [result["written"]["written"] for result in results] == [5, 5]


def test_the_buffers_of_a_process_stay_its_own_after_a_refresh_of_the_bank(results):
    assert results[0]["bank"]["buffers"] != results[1]["bank"]["buffers"]


def test_an_error_on_one_process_alone_has_no_collective_and_is_told_at_once(results):
    assert [result["interrupted"]["messages"] for result in results] == [[], []]
    told = "process 1 ends with RuntimeError: no heat today. It gives rank zero 0 s to save a checkpoint"
    assert results[1]["interrupted"]["told"] == [told]
