"""Image classification: batches determined by (seed, step), the configured activation, and cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from experiments.activations.build import activation_factory
from experiments.config.schema import Config
from experiments.device import compiled
from experiments.errors import UserError
from experiments.families.batch_norm import has_batch_norm, share_batch_norm
from experiments.families.images.data.resident import ResidentImages
from experiments.families.images.data.source import ImageSource
from experiments.families.images.mixing import draw_mix, mix_images, swap_neighbours
from experiments.families.images.models.build import build
from experiments.families.images.schema import ImageRecipe
from experiments.families.share import Share
from experiments.families.task import Rows, Surroundings, Task, Throughput, cut_rows
from experiments.processes import Processes
from experiments.randomness import address

PROBE_IMAGES = 256
LANDSCAPE_BATCH = 256


class ImageTask(Task[Rows]):
    """Cross-entropy on shuffled batches of equal size.

    A batch is images [B, C, H, W] and labels int64 [B]. With mixup or CutMix, a third tensor float [B, 5] holds each
    row's mix. With dropout or stochastic depth, a last tensor int64 [B], on the CPU, has each row's seed.
    """

    def __init__(self, config: Config, images: ImageSource, device: torch.device, processes: Processes) -> None:
        recipe = config.recipe
        assert isinstance(recipe, ImageRecipe)
        self.images, self.recipe, self.seed = images, recipe, config.seed
        self.device, self.processes = device, processes
        self.steps_per_epoch = images.steps_per_epoch
        if self.steps_per_epoch == 0:
            raise UserError(
                f"recipe.batch_size={recipe.batch_size}: must be at most {images.train_count}, "
                f"the number of training images of {config.dataset.name}"
            )
        self.fingerprint = images.fingerprint
        self.evaluated = images.evaluated
        self.activation_type = type(activation_factory(config.activation)())
        self.model, survey = build(config, images.shape, images.classes)
        self.dtype = getattr(torch, recipe.dtype)
        self.model = self.model.to(device, self.dtype)
        self.share = Share.of(processes, recipe.batch_size, recipe.accumulate)
        self.rows = rows_a_pass(config, self.model, self.share, draws=survey is not None and survey.draws)
        share_batch_norm(self.model, processes, self.share)
        if config.impl.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.layout = torch.channels_last if config.impl.channels_last else torch.contiguous_format
        self.mean, self.sd = (255 * value.view(1, -1, 1, 1).to(device, self.dtype) for value in images.statistics())
        self.part_rows = recipe.batch_size // recipe.accumulate
        self.mixes = bool(recipe.mixup or recipe.cutmix)
        self.draws = False
        if survey is not None:
            self.activation_type = survey.activation_type
            self.draws, self.units_last = survey.draws, frozenset(survey.units_last)
            self.throughput = Throughput("images", recipe.batch_size)
            self.flops_per_step = 3 * survey.flops * recipe.batch_size  # the backward pass costs two forward passes
            self.libraries = ("torchvision", "timm")
        self.predict = compiled(self.predict, config.impl)  # type: ignore[method-assign]

    def batch(self, step: int) -> Rows:
        """This process's rows of a step."""
        x, y = self.images.batch(step)
        if not (self.mixes or self.draws):
            return x, y
        parts = (self.share.rows(self.recipe.batch_size) // self.part_rows).tolist()
        rows: Rows = (x, y)
        if self.mixes:
            mix = {part: self.draw_mix(step, part) for part in set(parts)}
            rows += (torch.tensor([mix[part] for part in parts]).to(self.device, self.dtype),)
        if self.draws:
            rows += (torch.tensor([address(self.seed, "noise", step, part) for part in parts]),)
        return rows

    def draw_mix(self, step: int, part: int) -> tuple[float, ...]:
        _, height, width = self.images.shape
        number = address(self.seed, "mix", step, part)
        return draw_mix(number, self.recipe.mixup, self.recipe.cutmix, height, width)

    def parts(self, batch: Rows) -> Iterator[tuple[Rows, float]]:
        """As ``Task.parts``. Sets torch's global stream to the part's address before a pass that draws from it."""
        for part, weight in cut_rows(batch, self.rows, self.processes.count):
            if self.draws:
                *rows, noise = part
                torch.manual_seed(int(noise[0]))
                yield tuple(rows), weight
            else:
                yield part, weight

    def normalise(self, x: Tensor) -> Tensor:
        """uint8 images in units of the data's sd; floating-point images are normalised already."""
        values = x.to(self.dtype) if x.is_floating_point() else (x.to(self.dtype) - self.mean) / self.sd
        return values.contiguous(memory_format=self.layout)

    def loss(self, batch: Rows) -> Tensor:
        """The cross-entropy in nats, smoothed as the recipe says. Mixed images: the weighted mean for both labels."""
        x, y = self.normalise(batch[0]), batch[1]
        smoothing = self.recipe.label_smoothing
        if len(batch) == 2:
            return F.cross_entropy(self.model(x).to(self.dtype), y, label_smoothing=smoothing)
        logits, weight = self.model(mix_images(x, batch[2])).to(self.dtype), batch[2][:, 0]
        own, other = (
            F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
            for labels in (y, swap_neighbours(y))
        )
        return (weight * own + (1 - weight) * other).mean()

    def predict(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """By image, the cross-entropy in nats, and whether the prediction is right: bool [B, 1].

        With top-5 accuracy it is bool [B, 2]; the second column says whether the label is among the five likeliest.
        """
        logits = self.model(self.normalise(x)).to(self.dtype)
        right = (logits.argmax(1) == y)[:, None]
        if self.images.top_five:
            five = logits.topk(min(5, self.images.classes), 1).indices
            right = torch.cat([right, (five == y[:, None]).any(1, keepdim=True)], 1)
        return F.cross_entropy(logits, y, reduction="none"), right

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        self.model.eval()
        # The two initial values are for a process without a batch.
        losses = [torch.zeros(0, dtype=torch.float64, device=self.device)]
        right = [torch.zeros(0, 2 if self.images.top_five else 1, dtype=torch.bool, device=self.device)]
        for x, y, fresh in self.images.evaluation():
            loss, correct = self.predict(x, y)
            losses.append(loss[len(y) - fresh :].double())
            right.append(correct[len(y) - fresh :].clone())  # a CUDA graph reuses this memory for the next batch
        self.model.train()
        loss, hits = torch.cat(losses), torch.cat(right)
        sums = torch.cat([loss.sum()[None], hits.sum(0).double(), loss.new_tensor([len(loss)])])
        total, *correct_counts, count = self.processes.sum(sums).tolist()
        keys = ("accuracy", "top5_accuracy")
        shares = {f"{self.evaluated}_{key}": 100 * n / count for key, n in zip(keys, correct_counts, strict=False)}
        return {f"{self.evaluated}_loss": total / count} | shares

    def probe_batch(self) -> Rows:
        """The first training images, not mixed."""
        x, y = self.images.batch(0)
        return x[:PROBE_IMAGES], y[:PROBE_IMAGES]

    def examples(self, batch: Rows) -> int:
        return len(batch[1])

    def close(self) -> None:
        self.images.close()

    def surroundings(self, examples: int) -> Surroundings:
        """The first training images, normalised, not augmented. Raises UserError if they are not in memory."""
        if not isinstance(self.images, ResidentImages):
            raise UserError("landscapes: need images in memory; dataset=imagenet decodes them while it trains")
        x, y = self.images.training_images(examples)
        parts = zip(x.split(LANDSCAPE_BATCH), y.split(LANDSCAPE_BATCH), strict=True)
        loss = nn.CrossEntropyLoss(label_smoothing=self.recipe.label_smoothing)
        batches = [(self.normalise(part), labels) for part, labels in parts]
        return Surroundings(loss, batches, self.images.train_x.cpu(), f"{self.evaluated}_loss")


def rows_a_pass(config: Config, model: nn.Module, share: Share, draws: bool) -> int | None:
    """Images per backward pass; None for all of the process. Raises UserError if the loss would change."""
    recipe, micro_batch = config.recipe, config.impl.micro_batch
    assert isinstance(recipe, ImageRecipe)
    normalised = has_batch_norm(model)
    if micro_batch is not None and (normalised or draws):
        reason = "whose BatchNorm sees the whole batch" if normalised else "which draws random numbers for each pass"
        raise UserError(
            f"impl.micro_batch={micro_batch}: must be null for model={config.model.name}, {reason}; "
            f"recipe.accumulate=… trains in parts, which is another run"
        )
    rows = share.pass_rows(recipe.batch_size)
    halved = bool(recipe.mixup or recipe.cutmix) and rows % 2 == 1
    if not share.whole and (draws or halved):
        reason = "pairs of images are mixed" if halved else f"model={config.model.name} draws at random for each part"
        raise UserError(
            f"recipe.accumulate={recipe.accumulate}: {share.count} processes were started, but {reason}; start a "
            f"number of processes that divides it, or one"
        )
    if share.passes == 1:
        return micro_batch
    return rows if micro_batch is None else min(rows, micro_batch)
