"""Does a faster `impl` change the results? The same seeds trained both ways, and two one-sided tests.

  python benchmarks/equivalence.py [impl=fast] [case=all|digits|cifar] [seeds=20] [precision=auto|fp32|bf16]

The comparison is with impl=default, paired by seed: both sides have the same initialisation, order and augmentation.
Finished runs below results/runs/.equivalence are not trained again. The margins in this file were fixed before the
first run.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from experiments.cli import key_values, read_whole, script
from experiments.config.compose import compose_run
from experiments.config.identity import run_path
from experiments.config.schema import Config
from experiments.errors import UserError, worst
from experiments.files import read_json, write_page
from experiments.markdown import pipe_table
from experiments.runs.provenance import measured_on
from experiments.runs.run import run_config
from experiments.stats import paired, summarise
from experiments.stats.estimate import paired_estimate
from experiments.studies.naming import with_interval

KEYS = {"impl": "fast", "case": "all", "seeds": "20", "precision": "auto", "results_dir": "results"}


@dataclass(frozen=True)
class Case:
    title: str
    words: str
    margin: float  # points of test accuracy


DIGITS = "dataset=digits recipe=digits model=cnn"
CIFAR = (
    "dataset=cifar10_jpeg dataset.train_size=5000 model=resnet20 model.depth=8 recipe=short recipe.epochs=3 "
    "recipe.batch_size=64"
)
CASES = {
    "digits": [
        Case("digits, CNN, GELU", f"{DIGITS} activation=gelu", 0.5),
        Case("digits, CNN, E-GEM ε=1e-4", f"{DIGITS} activation=egem eps=1e-4", 0.5),
    ],
    "cifar": [Case("5,000 images of CIFAR-10 (JPEG copy), ResNet-8, GELU", f"{CIFAR} activation=gelu", 1.5)],
}
TITLES = ["what", "seeds", "default", "{}", "difference, paired [95 %]", "margin", "p equal", "verdict"]


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    if values["case"] not in ("all", *CASES):
        raise UserError(f"case={values['case']}: must be all or one of {', '.join(CASES)}")
    chosen = [case for name, cases in CASES.items() if values["case"] in ("all", name) for case in cases]
    rows = [row(case, values) for case in chosen]
    titles = [title.format(values["impl"]) for title in TITLES]
    body = pipe_table(rows, titles)
    impl = compose_run([f"impl={values['impl']}"]).impl
    note = (
        f"Test accuracy in %, mean ± sample sd. Two one-sided t tests, paired by seed. impl={impl.name}: compile "
        f"{impl.compile}, channels_last {impl.channels_last}, precision {values['precision']}. "
        f"{measured_on(torch.device('cuda' if torch.cuda.is_available() else 'cpu'))}."
    )
    text = f"# Whether impl={impl.name} changes the results\n\n{body}\n\n{note}\n"
    if values["case"] == "all":
        write_page(values["results_dir"], f"equivalence_{impl.name}", text)
    print(text)


def row(case: Case, values: dict[str, str]) -> list[str]:
    plain, fast = (
        accuracies(case, impl, read_whole("seeds", values["seeds"], 3), values["results_dir"])
        for impl in ("impl=default", f"impl={values['impl']} impl.precision={values['precision']}")
    )
    difference = paired(fast, plain)
    p = paired_estimate(dict(enumerate(fast)), dict(enumerate(plain))).p_within(case.margin)
    told = with_interval(difference.value, difference.low, difference.high, 2)
    sides = [f"{side.mean:.2f} ± {side.sd:.2f}" for side in (summarise(plain), summarise(fast))]
    verdict = f"equal within ±{case.margin:g}" if p < 0.05 else "not shown to be equal"
    if fast == plain:
        told, verdict = "0", "the same in every seed"
    return [case.title, values["seeds"], *sides, told, f"±{case.margin:g}", f"{p:.3g}", verdict]


def accuracies(case: Case, impl: str, seeds: int, results_dir: str) -> list[float]:
    """The accuracies of all seeds, trained now or before. Raises UserError if a run did not finish."""
    configs = [config(case, impl, seed, results_dir) for seed in range(seeds)]
    statuses = [run_config(each, f"python train.py {case.words} {impl} seed={each.seed}") for each in configs]
    if status := worst(statuses):
        raise UserError(f"{case.title}, {impl}: a run ended with status {status}; see above")
    return [read_json(run_path(each) / "metrics.json")["test_accuracy"] for each in configs]


def config(case: Case, impl: str, seed: int, results_dir: str) -> Config:
    folder = Path(results_dir) / "runs" / ".equivalence" / "-".join(word.partition("=")[2] for word in impl.split())
    places = [f"runs_dir={folder}", "tracking=disabled"]
    return compose_run([*case.words.split(), *impl.split(), f"seed={seed}", *places])


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
