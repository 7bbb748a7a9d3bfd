"""Translation: predict the next target token from the source sentence and the previous target tokens."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from experiments.activations.build import activation_factory
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.passes import check_parts, set_dropout
from experiments.families.task import Task, Throughput
from experiments.families.translation.data.batches import BatchPlan
from experiments.families.translation.data.bpe import PAD
from experiments.families.translation.data.encoded import EncodedPairs, hold_out
from experiments.families.translation.data.prepare import PreparedPairs
from experiments.families.translation.decoding import decoding_words, sacrebleu, score, translate
from experiments.families.translation.model import build_marian
from experiments.families.translation.schema import Marian, PairsDataset, TranslationRecipe
from experiments.processes import Processes

EVAL_TOKENS = 8192  # per evaluation batch
PASS_TOKENS = 16384  # per backward pass unless impl.micro_batch is given
PROBE_PAIRS = 64


@dataclass(frozen=True, eq=False)
class PairBatch:
    """Padded sentences, source int64 [B, S] and target int64 [B, T] on the device.

    ``counts`` are the target tokens of each row, and ``first`` is the number of the first row within the step. Over all
    processes, the step has ``pairs`` rows and ``total`` target tokens.
    """

    source: Tensor
    target: Tensor
    counts: list[int]
    first: int
    pairs: int
    total: int

    def rows(self, first: int, last: int) -> PairBatch:
        rows = slice(first, last)
        sides = (self.source[rows], self.target[rows])
        return PairBatch(*sides, self.counts[rows], self.first + first, self.pairs, self.total)


class TranslationTask(Task[PairBatch]):
    """Label-smoothed cross-entropy over the target tokens, including the end of the sentence."""

    compiles = False  # every batch has its own shape
    libraries = ("transformers", "tokenizers")

    def __init__(self, config: Config, pairs: PreparedPairs, device: torch.device, processes: Processes) -> None:
        recipe, model = config.recipe, config.model
        assert isinstance(recipe, TranslationRecipe)
        assert isinstance(model, Marian)
        check_lengths(config, pairs)
        if recipe.beams:
            sacrebleu()  # fails now instead of at the end if the package is missing
        self.recipe, self.seed, self.device, self.processes = recipe, config.seed, device, processes
        if model.dropout:
            check_parts(config, processes)
        self.pairs, self.micro_batch = pairs, config.impl.micro_batch
        assert isinstance(config.dataset, PairsDataset)
        self.train = pairs.splits["train"]
        if config.dataset.holdout:
            self.train, held = hold_out(self.train, config.dataset.holdout)
            self.evaluated = {"holdout": held}
        else:
            self.evaluated = {name: pairs.splits[split] for name, split in EVALUATED.items()}
        self.plan = BatchPlan(self.train, recipe.tokens_per_step)
        self.steps_per_epoch = len(self.plan)
        self.fingerprint = pairs.fingerprint
        self.entropy = list(self.evaluated.values())[-1].unigram_entropy()
        activation = activation_factory(config.activation)
        self.activation_type = type(activation())
        self.model = build_marian(model, activation, config.seed).to(device)
        self.dropout, self.step = model.dropout, 0
        self.throughput = Throughput("tokens", round(len(self.train.target.tokens) / self.steps_per_epoch))
        self.epoch_batches = functools.lru_cache(maxsize=1)(functools.partial(self.plan.epoch, self.seed))

    def batch(self, step: int) -> PairBatch:
        """This process's share of the pairs of a step."""
        self.step = step
        epoch, position = divmod(step, self.steps_per_epoch)
        index = self.epoch_batches(epoch)[position]
        first, last = self.own_rows(len(index))
        lengths = self.train.target.lengths_of(index)
        own, counts = index[first:last], lengths[first:last].tolist()
        if first == last:  # fewer pairs than processes: use any pair with weight 0, as every process needs gradients
            own, counts = index[:1], [0]
        source, target = (
            side.padded(own, int(side.lengths_of(index).max())).to(self.device)
            for side in (self.train.source, self.train.target)
        )
        return PairBatch(source, target, counts, first, len(index), int(lengths.sum()))

    def parts(self, batch: PairBatch) -> Iterator[tuple[PairBatch, float]]:
        """Parts weighted by target tokens, because the loss is a mean over them."""
        rows = self.rows_a_pass(batch)
        for first in range(0, len(batch.counts), rows):
            part = batch.rows(first, first + rows)
            if self.dropout:
                set_dropout(self.seed, self.step, part.first)
            yield part, sum(part.counts) / batch.total

    def own_rows(self, pairs: int) -> tuple[int, int]:
        """The range of this process's rows in a step of ``pairs``. With dropout it consists of whole parts."""
        rank, count = self.processes.rank, self.processes.count
        if not self.dropout:
            return rank * pairs // count, (rank + 1) * pairs // count
        share = -(-pairs // self.recipe.accumulate) * (self.recipe.accumulate // count)
        return min(pairs, rank * share), min(pairs, (rank + 1) * share)

    def rows_a_pass(self, batch: PairBatch) -> int:
        part = -(-batch.pairs // self.recipe.accumulate)
        if self.dropout:
            return part
        widest = max(batch.source.shape[1], batch.target.shape[1])
        return min(part, self.micro_batch or max(1, PASS_TOKENS // widest))

    def logits(self, source: Tensor, target: Tensor) -> Tensor:
        """Float32 logits [B, T, vocabulary] of the tokens of ``target``, each predicted from those before it."""
        shifted = torch.cat([torch.full_like(target[:, :1], PAD), target[:, :-1]], 1)
        mask = (source != PAD).long()
        out: Tensor = self.model(source, mask, decoder_input_ids=shifted, use_cache=False).logits
        return out.float()

    def loss(self, batch: PairBatch) -> Tensor:
        """The mean cross-entropy in nats per target token, smoothed as the recipe says."""
        logits = self.logits(batch.source, batch.target)
        smoothing = self.recipe.label_smoothing
        return F.cross_entropy(
            logits.flatten(0, 1), batch.target.flatten(), ignore_index=PAD, label_smoothing=smoothing
        )

    @torch.no_grad()
    def mean_loss(self, pairs: EncodedPairs) -> float:
        """The cross-entropy in nats per target token, not smoothed. The processes share the batches."""
        self.model.eval()
        total = torch.zeros((), dtype=torch.float64)
        for number, index in enumerate(BatchPlan(pairs, EVAL_TOKENS).in_order()):
            if number % self.processes.count == self.processes.rank:
                source, target = (side.padded(index).to(self.device) for side in (pairs.source, pairs.target))
                logits = self.logits(source, target).flatten(0, 1)
                losses = F.cross_entropy(logits, target.flatten(), ignore_index=PAD, reduction="none")
                total += losses.sum(dtype=torch.float64).cpu()
        self.model.train()
        return self.processes.sum(total.to(self.device)).item() / len(pairs.target.tokens)

    def evaluate(self) -> dict[str, float]:
        losses = {f"{name}_loss": self.mean_loss(split) for name, split in self.evaluated.items()}
        return losses | {"unigram_entropy": self.entropy}

    def translations(self, count: int | None = None) -> list[str]:
        """The model's translations of the test sentences, or of the first ``count``."""
        pairs = self.pairs.splits["test"]
        if count is not None:
            pairs = pairs.first(count)
        return translate(self.model, self.pairs.tokenizer, pairs, self.recipe, self.device, self.processes)

    def final_metrics(self) -> dict[str, float]:
        """BLEU and chrF of the translated test sentences, if the recipe requests them; none with held-out pairs."""
        if not self.recipe.beams or "test" not in self.evaluated:
            return {}
        values, signatures = score(self.translations(), [pair.target for pair in self.pairs.test])
        self.signatures = signatures | {"decoding": decoding_words(self.recipe)}
        return values

    def probe_batch(self) -> PairBatch:
        return self.batch(0).rows(0, PROBE_PAIRS)

    def examples(self, batch: PairBatch) -> int:
        return len(batch.counts)


EVALUATED = {"val": "valid", "test": "test"}


def check_lengths(config: Config, pairs: PreparedPairs) -> None:
    """Raise UserError if a sentence has more tokens than the model has positions."""
    assert isinstance(config.model, Marian)
    for split, encoded in pairs.splits.items():
        longest = int(max(encoded.source.lengths.max(), encoded.target.lengths.max()))
        if longest > config.model.context:
            raise UserError(
                f"model.context={config.model.context}: must be at least {longest}, the tokens of the longest sentence "
                f"in {split}; or give a smaller dataset.max_words"
            )
