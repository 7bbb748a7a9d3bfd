"""Randomness inside torchvision's networks, by address.

The detectors choose at random which anchors and boxes count in their loss, and draw from torch's global stream.
Here each picture's choice follows from a number of its own, drawn from (seed, step). So a resumed run repeats it. It
depends neither on the other pictures of the batch nor on the device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models.detection import RetinaNet
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from experiments.families.share import Share

PARTS = (GeneralizedRCNN, RetinaNet, RegionProposalNetwork, RoIHeads, GeneralizedRCNNTransform)


class AddressedSampler(BalancedPositiveNegativeSampler):
    """torchvision's sampler. ``numbers`` has one number per picture of the batch and is set before a loss.

    Afterwards ``positives`` and ``sampled`` are the numbers of positives and of all samples in that loss.
    """

    def __init__(self, other: BalancedPositiveNegativeSampler) -> None:
        super().__init__(other.batch_size_per_image, other.positive_fraction)
        self.numbers: list[int] = []
        self.positives = self.sampled = 0

    def __call__(self, matched_idxs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Masks of the positives and of the negatives that count: two lists, by picture."""
        positive, negative = [], []
        self.positives = self.sampled = 0
        for number, matched in zip(self.numbers, matched_idxs, strict=True):
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(number)
                chosen = super().__call__([matched.cpu()])
            self.positives += int(chosen[0][0].sum())
            self.sampled += int(chosen[0][0].sum() + chosen[1][0].sum())
            positive.append(chosen[0][0].to(matched.device))
            negative.append(chosen[1][0].to(matched.device))
        return positive, negative


def address_samplers(network: nn.Module) -> list[AddressedSampler]:
    """Replace every sampler of ``network`` by an ``AddressedSampler``, and return the new ones."""
    found = []
    for module in network.modules():
        if isinstance(module, RegionProposalNetwork | RoIHeads):
            module.fg_bg_sampler = AddressedSampler(module.fg_bg_sampler)
            found.append(module.fg_bg_sampler)
    return found


@contextmanager
def computing_losses(network: nn.Module) -> Iterator[None]:
    """Make a detector return its losses within the block, even in evaluation mode. Its layers keep their mode."""
    parts = [module for module in network.modules() if isinstance(module, PARTS)]
    modes = [part.training for part in parts]
    for part in parts:
        part.training = True
    try:
        yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


@contextmanager
def global_streams(number: int, device: torch.device) -> Iterator[None]:
    """Start torch's global streams, of the CPU and of ``device``, at ``number`` within the block: for dropout."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(number)
        yield


class SharedDropout(nn.Dropout):
    """Dropout in a process with an equal share of the rows: it draws for all rows, and uses its own."""

    def __init__(self, p: float, share: Share) -> None:
        super().__init__(p)
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        shape = (self.share.count * len(x), *x.shape[1:])
        wide = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        layout = torch.channels_last if wide else torch.contiguous_format
        drawn = F.dropout(torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=layout).fill_(1), self.p)
        return x * drawn.tensor_split(self.share.count)[self.share.rank]


def share_dropout(network: nn.Module, share: Share) -> None:
    """Make the processes drop what one process would drop, if they share the rows of a part."""
    if share.whole:
        return
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Dropout:
                setattr(parent, name, SharedDropout(layer.p, share).train(layer.training))
