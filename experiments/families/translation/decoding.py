"""Translations of a trained model, greedy or by beam search, and their scores by sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from experiments.errors import UserError
from experiments.families.translation.data.batches import BatchPlan
from experiments.families.translation.data.bpe import PAD, decode
from experiments.families.translation.data.encoded import EncodedPairs
from experiments.families.translation.schema import TranslationRecipe
from experiments.processes import Processes

LONGER = 50  # tokens by which a translation may exceed its source (Vaswani et al. 2017, section 6.1)
TOKENS = 4096  # per batch


@torch.no_grad()
def translate(
    model: Any,
    tokenizer: Any,
    pairs: EncodedPairs,
    recipe: TranslationRecipe,
    device: torch.device,
    processes: Processes,
) -> list[str]:
    """A translation of every source sentence, in order. Each process decodes its share; all receive the whole list."""
    model.eval()
    limit = model.config.max_position_embeddings - 1
    ids = torch.full((len(pairs), limit), PAD, dtype=torch.int64, device=device)
    for number, index in enumerate(BatchPlan(pairs, TOKENS).in_order()):
        if number % processes.count != processes.rank:
            continue
        source = pairs.source.padded(index).to(device)
        found = model.generate(
            source,
            attention_mask=(source != PAD).long(),
            max_new_tokens=min(source.shape[1] + LONGER, limit),
            do_sample=False,
            **({"num_beams": recipe.beams, "length_penalty": recipe.length_penalty} if recipe.beams > 1 else {}),
        )[:, 1:]  # without the start token of the decoder
        ids[torch.from_numpy(index).to(device), : found.shape[1]] = found
    model.train()
    return decode(tokenizer, processes.sum(ids).tolist())


def score(translations: Sequence[str], references: Sequence[str]) -> tuple[dict[str, float], dict[str, str]]:
    """BLEU (Papineni et al. 2002) and chrF (Popović 2015) in percent, and sacrebleu's signatures of both.

    They equal those of the command ``sacrebleu references -i translations -m bleu chrf``.
    """
    metrics = sacrebleu().metrics
    values, signatures = {}, {}
    for key, metric in (("bleu", metrics.BLEU()), ("chrf", metrics.CHRF())):
        values[f"test_{key}"] = float(metric.corpus_score(list(translations), [list(references)]).score)
        signatures[f"{key}_signature"] = str(metric.get_signature())
    return values, signatures


def decoding_words(recipe: TranslationRecipe) -> str:
    if recipe.beams == 1:
        return "greedy decoding"
    return f"beam search with {recipe.beams} beams, length penalty {recipe.length_penalty:g}"


def sacrebleu() -> Any:
    try:
        import sacrebleu
        import sacrebleu.metrics
    except ImportError as error:
        raise UserError("BLEU and chrF need the sacrebleu package: pip install sacrebleu, or recipe.beams=0") from error
    return sacrebleu
