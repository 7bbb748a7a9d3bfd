"""Small models that call activation functions in every way there is."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.functional import relu as rectify


def helper(x: Tensor) -> Tensor:
    return F.relu(x)


class Named(nn.Module):
    """Modules called relu are not functions called relu."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.relu = nn.Linear(4, 4), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.fc(x))
        return out


class Direct(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.inner = nn.Linear(4, 4), Named()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(F.relu(self.fc(self.inner(x))))


class Methods(nn.Module):
    """A tensor's method, in place and not, and an in-place call whose result is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x).relu() + self.fc(x).relu_()
        x = x - 0.5
        F.relu(x, inplace=True)
        return x


class Helped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.finish(helper(self.fc(x)))

    def finish(self, x: Tensor) -> Tensor:
        return rectify(self.fc(x))


class Kept(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.act, self.other = nn.Linear(4, 4), torch.nn.functional.relu, functools.partial(F.relu)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.other(self.act(self.fc(x)))
        return out


class Everything(nn.Module):
    """18 calls of ReLU a forward pass, and one of GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([Direct(), Methods(), Helped(), Kept(), Named()])
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        x = self.layer(x.unsqueeze(1)).squeeze(1)
        return F.gelu(x) + sum(F.relu(x - k) for k in range(6))
