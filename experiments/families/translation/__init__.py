"""Translation of sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.errors import UserError, must_be
from experiments.families.family import Family, common_words
from experiments.families.folder import check_folder
from experiments.families.translation import schema
from experiments.families.translation.metrics import METRICS

if TYPE_CHECKING:
    import torch

    from experiments.families.task import Task
    from experiments.processes import Processes


class Translation(Family):
    kind = "translation"
    datasets: ClassVar = {"pairs": schema.PairsDataset, "hub_pairs": schema.PairsDataset}
    models: ClassVar = {"marian": schema.Marian}
    recipe = schema.TranslationRecipe
    metrics = METRICS
    held_out: ClassVar = {"test_loss": "holdout_loss", "val_loss": "holdout_loss"}
    progress_key = "tokens"

    def build_task(self, config: Config, device: torch.device, processes: Processes) -> Task[Any]:
        from experiments.families.translation.data.prepare import prepare_pairs
        from experiments.families.translation.task import TranslationTask

        assert isinstance(config.dataset, schema.PairsDataset)
        assert isinstance(config.model, schema.Marian)
        pairs = prepare_pairs(config.dataset, config.model, config.data_dir, config.cache_dir)
        return TranslationTask(config, pairs, device, processes)

    def settle_dataset(self, dataset: Dataset) -> Dataset:
        assert isinstance(dataset, schema.PairsDataset)
        if dataset.source == "pairs":
            check_folder(dataset.folder)
        return dataset

    def check(self, dataset: Dataset, model: Model, recipe: Recipe) -> None:
        assert isinstance(model, schema.Marian)
        if model.width % (2 * model.heads):
            allowed = f"a divisor of half of model.width={model.width}"
            raise UserError(must_be("model.heads", model.heads, allowed))
        if recipe.dtype != "float32":
            raise UserError(f"recipe.dtype={recipe.dtype}: must be float32 for translation")

    def prepare(self, dataset: Dataset, model: Model, data_dir: str, cache_dir: str) -> str:
        from experiments.families.translation.data.prepare import prepare_pairs

        assert isinstance(dataset, schema.PairsDataset)
        assert isinstance(model, schema.Marian)
        pairs = prepare_pairs(dataset, model, data_dir, cache_dir)
        counts = ", ".join(f"{len(encoded):,} {split}" for split, encoded in pairs.splits.items())
        tokens = len(pairs.splits["train"].target.tokens)
        entropy = list(pairs.splits.values())[-1].unigram_entropy()
        return (
            f"{dataset.name}: pairs {counts}; {tokens:,} target tokens of a joint BPE of {model.vocab_size:,}, "
            f"unigram entropy {entropy:.4f} nats, fingerprint {pairs.fingerprint}"
        )

    def warm(self, config: Config) -> None:
        import experiments.families.translation.task  # noqa: F401
        from experiments.families.translation.decoding import sacrebleu
        from experiments.families.translation.model import transformers

        assert transformers().MarianMTModel
        sacrebleu()

    def example(self, folder: Path) -> list[str]:
        from experiments.families.translation.example import TINY_MARIAN, write_pairs

        write_pairs(folder / "data" / "films")
        return [*TINY_MARIAN, f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]

    def export(self, config: Config, state: Mapping[str, Any], out: Path) -> list[str]:
        from experiments.families.translation.export import export_run

        return export_run(config, state, out)

    def pictures(self, config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
        from experiments.families.translation.pictures import draw_translations

        return draw_translations(config, state, out)

    def recipe_words(self, recipe: Recipe) -> dict[str, str]:
        assert isinstance(recipe, schema.TranslationRecipe)
        length = f"{recipe.steps} steps" if recipe.steps else f"{recipe.epochs} epochs"
        amount = {"steps": length, "tokens_per_step": f"at most {recipe.tokens_per_step} tokens a step"}
        return amount | common_words(recipe)

    def footnotes(self, results: Sequence[Mapping[str, Any]]) -> list[str]:
        """The unigram entropy, and how the translations were made and scored."""
        entropies = sorted({f"{result['unigram_entropy']:.4f}" for result in results if "unigram_entropy" in result})
        notes = [f"Unigram entropy of the test targets: {', '.join(entropies)} nats."] if entropies else []
        for title, key in (("Translations", "decoding"), ("BLEU", "bleu_signature"), ("chrF", "chrf_signature")):
            found = sorted({str(result[key]) for result in results if key in result})
            notes += [f"{title}: {', '.join(found)}."] if found else []
        return notes


FAMILY = Translation()
