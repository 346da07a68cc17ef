from __future__ import annotations

import torch
from torch import nn

from camaug.inspection.unwrap import unwrap


def test_unwrap(net):
    assert unwrap(net) is net
    assert unwrap(nn.DataParallel(net)) is net
    assert unwrap(torch.compile(nn.DataParallel(net), backend="eager")) is net
    assert unwrap(nn.DataParallel(torch.compile(net, backend="eager"))) is net
