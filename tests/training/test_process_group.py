from __future__ import annotations

import pytest
import torch.distributed as dist

from camaug.training.process_group import own_process_group


@pytest.fixture
def create_group(tmp_path):
    """Create a group of one process, and destroy it after the test."""

    def create() -> None:
        dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)

    yield create
    if dist.is_initialized():
        dist.destroy_process_group()


def test_a_group_created_inside_is_destroyed(create_group):
    with own_process_group():
        create_group()
    assert not dist.is_initialized()


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_a_group_is_destroyed_after_an_error(create_group, error):
    def fail() -> None:
        with own_process_group():
            create_group()
            raise error

    with pytest.raises(error):
        fail()
    assert not dist.is_initialized()


def test_an_older_group_stays(create_group):
    create_group()
    with own_process_group():
        pass
    assert dist.is_initialized()


def test_a_run_without_a_group_changes_nothing():
    with own_process_group():
        pass
    assert not dist.is_initialized()
