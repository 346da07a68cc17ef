"""Every row of docs/compatibility.md."""

from __future__ import annotations

import re

import pytest

from tests.compatibility.case import Case, LeftOut, Refused
from tests.compatibility.cases import GROUPS
from tests.compatibility.run import Run, check_warnings, make_augmentation, make_logger

CASES = [pytest.param(case, id=f"{group}: {case.name}") for group, cases in GROUPS.items() for case in cases]
NEEDS_LOGGER_ARGUMENTS = [param for param in CASES if param.values[0].logger.without]
NEEDS_AUGMENTATION_ARGUMENTS = [param for param in CASES if param.values[0].augmentation.without]
WARNED = [param for param in CASES if param.values[0].logger.warned]


@pytest.mark.parametrize("case", CASES)
def test_a_case(case: Case, tmp_path):
    logger, augmentation = make_logger(case.logger.settings), make_augmentation(case.augmentation.settings)
    run = Run(case, tmp_path)
    if isinstance(case.augmentation, Refused):
        _check_refusal(case, case.augmentation.says, tmp_path)
        run.fit(logger)
    else:
        run.fit(logger, augmentation)
    check_warnings(run.warned, [part for part in (case.logger.warning, case.augmentation.warning) if part])
    if isinstance(case.logger, LeftOut):
        assert not run.logged_heatmaps
    else:
        run.check_heatmaps(logger.explainer)
    if not isinstance(case.augmentation, Refused):
        run.check_augmented(augmentation.explainer)


@pytest.mark.parametrize("case", NEEDS_LOGGER_ARGUMENTS)
def test_the_logger_without_its_arguments(case: Case, tmp_path):
    run = Run(case, tmp_path)
    run.fit(make_logger({}))
    check_warnings(run.warned, [case.logger.without])
    assert not run.logged_heatmaps


@pytest.mark.parametrize("case", WARNED)
def test_a_warning_without_arguments(case: Case, tmp_path):
    run = Run(case, tmp_path)
    run.fit(make_logger({}), make_augmentation({}))
    check_warnings(run.warned, [part for part in (case.logger.warned, case.augmentation.warned) if part])


@pytest.mark.parametrize("case", NEEDS_AUGMENTATION_ARGUMENTS)
def test_the_augmentation_without_its_arguments(case: Case, tmp_path):
    _check_refusal(case, case.augmentation.without, tmp_path)


def _check_refusal(case: Case, says: str, folder) -> None:
    """Check that the augmentation raises before the first optimiser step."""
    run = Run(case, folder)
    before = {name: tensor.clone() for name, tensor in run.module.state_dict().items() if "num_batches" not in name}
    with pytest.raises(Exception, match=re.escape(says)):
        run.fit(make_augmentation({}))
    after = run.module.state_dict()
    assert all(after[name].equal(tensor) for name, tensor in before.items() if "weight" in name)
