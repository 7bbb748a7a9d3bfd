"""A Fréchet distance between samples and real pictures, in the features of a classifier trained by this suite.

It is not the FID, which is defined by the weights of one Inception network. Compare values within one data set only.
"""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from experiments.families.diffusion.sampling import to_unit
from experiments.families.images.data.images import ImageData
from experiments.files import write_atomic
from experiments.randomness import generator, global_stream

EPOCHS, BATCH, RATE = 2, 128, 1e-3
WIDTH, FEATURES = 32, 64


class Classifier(nn.Module):
    """Two strided convolutions, ``FEATURES`` hidden units, classes. Always with ReLU."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        places = -(-height // 4) * -(-width // 4)
        self.features = nn.Sequential(
            nn.Conv2d(channels, WIDTH, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(WIDTH, 2 * WIDTH, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * WIDTH * places, FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.features(x))
        return out


def train_classifier(data: ImageData) -> Classifier:
    """Train it on the training pictures, on the CPU, always with seed 0."""
    with global_stream(0, "frechet classifier"):
        model = Classifier(data.shape, data.classes)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(data.train_y), generator=generator(0, "frechet order", epoch))
        for index in order.split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(to_unit(data.train_x[index])), data.train_y[index]).backward()
            optimizer.step()
    return model.eval()


def load_classifier(data: ImageData, cache_dir: Path) -> Classifier:
    """The classifier of ``data``: trained once, under a lock, and kept below ``cache_dir`` under its fingerprint."""
    path = cache_dir / "classifiers" / f"{data.fingerprint()}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.exists():
            model = Classifier(data.shape, data.classes)
            try:
                model.load_state_dict(torch.load(path, weights_only=True))
                return model.eval()
            except Exception:  # torch.load raises many types for a damaged file
                print(f"warning: {path} is damaged; training the classifier again", file=sys.stderr)
        model = train_classifier(data)
        buffer = io.BytesIO()
        torch.save(model.state_dict(), buffer)
        write_atomic(path, buffer.getvalue())
        return model


@torch.no_grad()
def describe_classifier(model: Classifier, data: ImageData) -> str:
    """``classifier 1a2b3c4d, 88.1 % of the test pictures right``: a digest of its weights and its accuracy."""
    weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    predicted = torch.cat([model(to_unit(part)).argmax(1) for part in data.test_x.split(500)])
    accuracy = 100 * (predicted == data.test_y).double().mean().item()
    return f"classifier {hashlib.sha256(weights).hexdigest()[:8]}, {accuracy:.1f} % of the test pictures right"


@torch.no_grad()
def feature_statistics(model: Classifier, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [FEATURES] and covariance of the features of uint8 ``pictures``, in float64."""
    features = torch.cat([model.features(to_unit(part)) for part in pictures.split(500)]).double()
    return features.mean(0), features.T.cov()


def frechet_distance(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> float:
    """|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½), the squared 2-Wasserstein distance of two normal distributions.

    The trace of the root is Σ √λ over the eigenvalues of Σ₁^½ Σ₂ Σ₁^½. Dowson and Landau 1982.
    """
    (mean1, cov1), (mean2, cov2) = one, other
    values, vectors = torch.linalg.eigh(cov1)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ cov2 @ root).clamp_min(0).sqrt().sum()
    distance = (mean1 - mean2).square().sum() + cov1.trace() + cov2.trace() - 2 * overlap
    return max(0.0, float(distance))
