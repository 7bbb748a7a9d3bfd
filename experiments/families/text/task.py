"""Language modelling: the next token (GPT-2) or masked tokens (BERT). (seed, step) determines the batches."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from experiments.activations.build import activation_factory
from experiments.config.schema import Config
from experiments.device import compiled
from experiments.errors import UserError
from experiments.families.passes import check_parts, set_dropout
from experiments.families.task import Rows, Task, Throughput, cut_rows
from experiments.families.text.data.tokens import Blocks, Tokens
from experiments.families.text.masking import mask, masked_tokens
from experiments.families.text.models.build import build_transformer
from experiments.families.text.schema import TextDataset, TextRecipe, Transformer
from experiments.processes import Processes
from experiments.randomness import generator

EVAL_TOKENS = 4096  # per evaluation batch, in at most EVAL_SEQUENCES sequences
EVAL_SEQUENCES = 16
PROBE_TOKENS = 4096  # in the batch on which activations are observed, at least one sequence
PASS_TOKENS = 16384  # per backward pass unless impl.micro_batch is given: memory is proportional to it


class TextTask(Task[Rows]):
    """Cross-entropy over blocks of tokens. Each epoch visits every block once, in its own order and with its own shift.

    A batch is tokens int64 [B, T + 1]; for BERT tokens [B, T], positions and targets [B, k].
    """

    def __init__(self, config: Config, tokens: Tokens, device: torch.device, processes: Processes) -> None:
        recipe, model = config.recipe, config.model
        assert isinstance(recipe, TextRecipe)
        assert isinstance(model, Transformer)
        assert isinstance(config.dataset, TextDataset)
        self.recipe, self.seed, self.device, self.processes = recipe, config.seed, device, processes
        self.masked = model.kind == "bert"
        self.length = recipe.sequence or model.context
        self.sequences = sequences_per_step(recipe, model, self.length, processes.count)
        self.share = slice(
            processes.rank * self.sequences // processes.count, (processes.rank + 1) * self.sequences // processes.count
        )
        if model.dropout:
            check_parts(config, processes)
        self.rows = sequences_a_pass(config, self.sequences // processes.count, processes.count)
        self.eval_sequences = max(1, min(EVAL_SEQUENCES, EVAL_TOKENS // self.length))
        self.vocabulary = min(model.vocab_size, tokens.tokenizer.size)
        self.vocabulary_map = tokens.vocabulary_map(model.vocab_size)
        # One more token for the next-token loss, one less for BERT, whose sequences begin with [CLS].
        self.train, self.validation = (
            tokens.blocks(split, self.length - 1 if self.masked else self.length + 1)
            for split in ("train", "validation")
        )
        self.evaluated = "val"
        if config.dataset.holdout:
            self.evaluated = "holdout"
            self.train, self.validation = hold_out(self.train, config.dataset.holdout)
        for split, blocks in (("training", self.train), ("validation", self.validation)):
            if not len(blocks):
                raise UserError(
                    f"dataset={config.dataset.name}: its {split} text is shorter than two sequences of {self.length} "
                    f"tokens; give more text, a smaller recipe.sequence, or "
                    f"{'a smaller' if split == 'training' else 'a larger'} dataset.validation"
                )
        self.steps_per_epoch = len(self.train) // self.sequences
        if self.steps_per_epoch == 0:
            raise UserError(
                f"recipe.tokens_per_step={recipe.tokens_per_step}: must be at most {len(self.train) * self.length}, "
                f"the tokens of dataset={config.dataset.name}"
            )
        self.fingerprint = tokens.fingerprint
        self.entropy = tokens.unigram_entropy("validation", self.vocabulary_map)
        self.dtype = getattr(torch, recipe.dtype)
        activation = activation_factory(config.activation)
        self.activation_type = type(activation())
        self.model = build_transformer(model, activation, self.vocabulary, config.seed).to(device, self.dtype)
        self.dropout, self.step = model.dropout, 0
        self.throughput = Throughput("tokens", recipe.tokens_per_step)
        predicted = masked_tokens(recipe.mask_rate, self.length - 1) / self.length if self.masked else 1.0
        self.flops_per_step = recipe.tokens_per_step * flops_per_token(self.model, model, self.length, predicted)
        self.epoch_order = functools.lru_cache(maxsize=1)(self.draw_epoch)
        self.predict = compiled(self.predict, config.impl)  # type: ignore[method-assign]

    def draw_epoch(self, epoch: int) -> tuple[Tensor, int]:
        order = torch.randperm(len(self.train), generator=generator(self.seed, "order", epoch))
        shift = torch.randint(self.length, (), generator=generator(self.seed, "shift", epoch))
        return order, int(shift)

    def batch(self, step: int) -> Rows:
        """This process's share of the sequences of a step."""
        self.step = step
        epoch, position = divmod(step, self.steps_per_epoch)
        order, shift = self.epoch_order(epoch)
        chosen = order[position * self.sequences : (position + 1) * self.sequences]
        tokens = self.remap(self.train.take(chosen[self.share], shift))
        if not self.masked:
            return (tokens.to(self.device),)
        places = generator(self.seed, "mask", step)
        masked = mask(tokens, self.recipe.mask_rate, self.vocabulary, places, self.share, self.sequences)
        return tuple(tensor.to(self.device) for tensor in masked)

    def remap(self, tokens: Tensor) -> Tensor:
        """Tokenizer ids mapped to the ids of the model's vocabulary."""
        return tokens if self.vocabulary_map is None else self.vocabulary_map[tokens]

    def parts(self, batch: Rows) -> Iterator[tuple[Rows, float]]:
        first = self.share.start
        for part, weight in cut_rows(batch, self.rows, self.processes.count):
            if self.dropout:
                set_dropout(self.seed, self.step, first)
            yield part, weight
            first += len(part[0])

    def probe_batch(self) -> Rows:
        batch = self.batch(0)
        rows = max(1, PROBE_TOKENS // batch[0].shape[1])
        return tuple(tensor[:rows] for tensor in batch)

    def examples(self, batch: Rows) -> int:
        return len(batch[0])

    def loss(self, batch: Rows) -> Tensor:
        """Mean cross-entropy in nats per predicted token."""
        logits, targets = self.logits(*batch)
        return F.cross_entropy(logits, targets)

    def logits(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, vocabulary] in the recipe's dtype and targets int64 [n] of the predicted tokens."""
        if self.masked:
            tokens, positions, targets = batch
            logits = self.model(tokens, positions)
        else:
            tokens, targets = batch[0][:, :-1], batch[0][:, 1:]
            logits = self.model(tokens)
        return logits.flatten(0, 1).to(self.dtype), targets.flatten()

    def predict(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        """Loss, and number of right predictions, summed over each sequence: two tensors [B]."""
        logits, targets = self.logits(*batch)
        sequences = len(batch[0])
        losses = F.cross_entropy(logits, targets, reduction="none").view(sequences, -1)
        return losses.sum(1), (logits.argmax(1) == targets).view(sequences, -1).sum(1)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Metrics on validation blocks evenly spread over the text; the processes share them."""
        wanted = self.recipe.eval_tokens or len(self.validation) * self.length
        count = min(len(self.validation), max(1, wanted // self.length))
        blocks = torch.linspace(0, len(self.validation) - 1, count).round().long()
        self.model.eval()
        sums, predictions = torch.zeros(2, dtype=torch.float64), 0
        for number, own in enumerate(blocks.split(self.eval_sequences)):
            if number % self.processes.count != self.processes.rank:
                continue
            filled = own[torch.arange(self.eval_sequences) % len(own)]  # every batch has one shape, for compilation
            tokens = self.remap(self.validation.take(filled))
            batch: tuple[Tensor, ...] = (tokens,)
            if self.masked:
                places = generator(0, "validation mask", number)
                batch = mask(tokens, self.recipe.mask_rate, self.vocabulary, places)
            losses, right = self.predict(*(tensor.to(self.device) for tensor in batch))
            sums += torch.stack([value[: len(own)].sum(dtype=torch.float64).cpu() for value in (losses, right)])
            predictions += len(own) * (batch[-1].shape[1] if self.masked else self.length)
        self.model.train()
        both = torch.cat([sums, torch.tensor([predictions], dtype=torch.float64)])
        loss_sum, right_sum, predicted = self.processes.sum(both.to(self.device)).tolist()
        loss = loss_sum / predicted
        return {
            f"{self.evaluated}_loss": loss,
            f"{self.evaluated}_perplexity": math.exp(loss) if loss < 700 else math.inf,
            f"{self.evaluated}_token_accuracy": 100 * right_sum / predicted,
            "unigram_entropy": self.entropy,
        }


def hold_out(blocks: Blocks, share: float) -> tuple[Blocks, Blocks]:
    """Training text without its last ``share``, and that share.

    One block between them is in neither, because training blocks are shifted and must not reach into the share.
    """
    count = max(2, round(share * len(blocks)))
    return blocks.part(slice(None, -count - 1)), blocks.part(slice(-count, None))


def sequences_a_pass(config: Config, share: int, processes: int) -> int:
    """Sequences per backward pass, of the ``share`` of a step that a process has."""
    recipe, model, parts = config.recipe, config.model, config.recipe.accumulate
    assert isinstance(recipe, TextRecipe)
    assert isinstance(model, Transformer)
    whole = share * processes if model.dropout else share
    if whole % parts:
        what = "the sequences of a step" + ("" if model.dropout else " in this process")
        raise UserError(f"recipe.accumulate={parts}: must divide {whole}, {what}")
    if model.dropout:
        return whole // parts
    length = recipe.sequence or model.context
    return min(share // parts, config.impl.micro_batch or max(1, PASS_TOKENS // length))


def sequences_per_step(recipe: TextRecipe, model: Transformer, length: int, processes: int) -> int:
    """Sequences per step over all processes. Raises UserError if the numbers do not divide."""
    if length > model.context:
        raise UserError(f"recipe.sequence={length}: must be at most {model.context}, the context of model={model.name}")
    if recipe.tokens_per_step % length:
        raise UserError(
            f"recipe.tokens_per_step={recipe.tokens_per_step}: must be a multiple of {length}, the tokens of a sequence"
        )
    sequences = recipe.tokens_per_step // length
    if sequences % processes:
        raise UserError(
            f"recipe.tokens_per_step={recipe.tokens_per_step}: {sequences} sequences of {length} tokens cannot be "
            f"shared equally by {processes} processes"
        )
    return sequences


OUTPUT = ("tokens", "transform", "ln_head", "bias")  # parameters used only where a token is predicted


def flops_per_token(model: nn.Module, config: Transformer, length: int, predicted: float = 1.0) -> float:
    """Training FLOPs: 6 per multiplying parameter, and 12·layers·width·length for attention (PaLM, appendix B).

    The share ``predicted`` of the tokens passes through the output matrix and the layers before it.
    """
    counts = {name: p.numel() for name, p in model.named_parameters() if not name.startswith("positions")}
    output = sum(count for name, count in counts.items() if name.partition(".")[0] in OUTPUT)
    return 6 * (sum(counts.values()) - (1 - predicted) * output) + 12 * config.layers * config.width * length
