"""Language modelling: the next token (GPT-2), or masked tokens (BERT)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.errors import UserError, must_be
from experiments.families.family import Family, common_words
from experiments.families.folder import check_folder
from experiments.families.text import schema
from experiments.families.text.metrics import METRICS

if TYPE_CHECKING:
    import torch

    from experiments.families.task import Task
    from experiments.processes import Processes


class Text(Family):
    kind = "text"
    datasets: ClassVar = {"text": schema.TextDataset, "hub": schema.TextDataset}
    models: ClassVar = {"gpt2": schema.Transformer, "bert": schema.Transformer}
    recipe = schema.TextRecipe
    metrics = METRICS
    held_out: ClassVar = {f"val_{name}": f"holdout_{name}" for name in ("loss", "perplexity", "token_accuracy")}
    progress_key = "tokens"

    def build_task(self, config: Config, device: torch.device, processes: Processes) -> Task[Any]:
        from experiments.families.text.data.prepare import prepare_tokens
        from experiments.families.text.task import TextTask

        assert isinstance(config.dataset, schema.TextDataset)
        assert isinstance(config.model, schema.Transformer)
        tokens = prepare_tokens(config.dataset, config.model, config.data_dir, config.cache_dir)
        return TextTask(config, tokens, device, processes)

    def settle_dataset(self, dataset: Dataset) -> Dataset:
        assert isinstance(dataset, schema.TextDataset)
        if dataset.source == "text":
            check_folder(dataset.folder)
        return dataset

    def check(self, dataset: Dataset, model: Model, recipe: Recipe) -> None:
        assert isinstance(model, schema.Transformer)
        if model.width % model.heads:
            raise UserError(must_be("model.heads", model.heads, f"a divisor of model.width={model.width}"))
        if model.kind != "gpt2":
            for key, value, allowed in (("dropout", model.dropout, 0.0), ("bias", model.bias, True)):
                if value != allowed:
                    raise UserError(must_be(f"model.{key}", value, f"{allowed} for a model of kind {model.kind}"))

    def prepare(self, dataset: Dataset, model: Model, data_dir: str, cache_dir: str) -> str:
        from experiments.families.text.data.prepare import prepare_tokens

        assert isinstance(dataset, schema.TextDataset)
        assert isinstance(model, schema.Transformer)
        tokens = prepare_tokens(dataset, model, data_dir, cache_dir)
        train, validation = (int(tokens.counts[split].sum()) for split in ("train", "validation"))
        return (
            f"{dataset.name}: {train:,} training and {validation:,} validation tokens of {tokens.tokenizer.name} "
            f"({tokens.tokenizer.size:,} kinds), unigram entropy {tokens.unigram_entropy('validation', None):.4f} "
            f"nats, fingerprint {tokens.fingerprint}"
        )

    def data_folder(self, dataset: Dataset, data_dir: str) -> Path | None:
        assert isinstance(dataset, schema.TextDataset)
        return Path(data_dir) / dataset.folder if dataset.source == "text" else None

    def warm(self, config: Config) -> None:
        import experiments.families.text.task  # noqa: F401

    def example(self, folder: Path) -> list[str]:
        from experiments.families.text.example import TINY_BERT, write_corpus

        write_corpus(folder / "data" / "reviews")
        return [*TINY_BERT, f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]

    def export(self, config: Config, state: Mapping[str, Any], out: Path) -> list[str]:
        from experiments.families.text.export import export_run

        return export_run(config, state, out)

    def recipe_words(self, recipe: Recipe) -> dict[str, str]:
        assert isinstance(recipe, schema.TextRecipe)
        length = f"{recipe.steps} steps" if recipe.steps else f"{recipe.epochs} epochs"
        amount = {"steps": length, "tokens_per_step": f"{recipe.tokens_per_step} tokens a step"}
        return amount | common_words(recipe)

    def footnotes(self, results: Sequence[Mapping[str, Any]]) -> list[str]:
        found = sorted({f"{result['unigram_entropy']:.4f}" for result in results if "unigram_entropy" in result})
        return [f"Unigram entropy of the validation text: {', '.join(found)} nats."] if found else []


FAMILY = Text()
