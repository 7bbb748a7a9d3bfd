"""An experiment preset: a table's cells (lists of overrides), seeds, metric, reference and published figures."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from experiments.config.compose import composed_once, config_files
from experiments.config.rules import one_of, optional, positive, rule, switch, text, whole
from experiments.config.typed import typed
from experiments.errors import UserError, must_be
from experiments.studies.tuning import typed_tuning
from experiments.studies.written import load_yaml, own_text

if TYPE_CHECKING:
    from experiments.stats.looks import Looks

FEWEST_PAIRS = 5  # with fewer, the paired test has almost no power
OWN = ("activation=", "activation.", "N=", "eps=")  # prefixes of the words for the activation; the rest is context


def anything() -> Any:
    return field(default_factory=list, metadata={"allowed": "", "check": lambda _: True})


@dataclass(kw_only=True)
class Preset:
    """``experiment:`` of a file in configs/experiment. A cell is a string of overrides: ``activation=gem N=2``.

    A cell is compared with the reference activation in its own context. For example, ``activation=gem model=resnet20``
    is compared with ``activation=gelu model=resnet20``.
    """

    name: str = text()
    title: str = text()
    question: str | None = optional(text())  # the question that the table answers, for the report
    task: str | None = optional(text())  # its name in the ranking over tasks, if the table counts there
    seeds: int = whole(0)  # seeds 0 … seeds - 1; with looks, as many as the last look has
    explored: int = whole(0)  # this many first seeds raised the question; no verdict on it uses them
    cells: list[str] = rule("a list of texts such as 'activation=gem N=2'", lambda _: True, [])
    grids: list[Any] = anything()  # each is a list of axes, which are lists of words; their products are cells too
    reference: str = text("activation=gelu")
    metric: str = text("test_accuracy")
    comparison: str = one_of("paired", "welch", default="paired")  # the test for verdicts; paired: by seed
    looks: list[int] = rule("numbers of seeds in increasing order", lambda looks: looks == sorted(set(looks)), [])
    spending: str = one_of("pocock", "obrien-fleming", default="pocock")  # how looks spend the error
    tune: Any = rule("see experiments/studies/tuning.py", lambda _: True, None)
    margin: float | None = optional(positive())  # smaller differences count as equivalent (TOST), in the metric's unit
    effect: float | None = optional(positive())  # the smallest relevant difference, for the number of seeds
    sd: float | None = optional(positive())  # assumed sd of one run over seeds, known before any run
    crossfit: str | None = optional(text())  # a varied key, whose value is chosen from the existing runs
    families: list[Any] = anything()  # lists of activations; a footnote says whether their rows differ
    maps: list[Any] = anything()  # figures of the metric over configuration keys: [x] a line, [x, y] a heat map
    steps: list[Any] = anything()  # keys whose neighbouring values are compared on a page of their own
    published: list[Any] = anything()  # cell, source, and value or difference (to the reference)
    demonstration: bool = switch(False)  # its runs are the user's own, and affect no published result
    known: str | None = optional(text())  # the runs that were known when the question was asked
    changed: str | None = optional(text())  # what was changed in the plan after its first counted run, and why
    note: str | None = optional(text())

    @property
    def counted(self) -> range:
        """The seeds that the table uses."""
        return range(self.explored, self.seeds)

    @property
    def staged(self) -> bool:
        """Whether the next runs depend on earlier results: tuning or looks."""
        return bool(self.tune or self.looks)


def typed_preset(node: DictConfig) -> Preset:
    """The typed preset. Raises UserError for an unknown key, a wrong type, or a reference that is no cell."""
    result: Preset = typed(Preset, node, "experiment.")
    products = [" ".join(words) for grid in result.grids for words in itertools.product(*grid)]
    result.cells = list(dict.fromkeys([*result.cells, *products]))
    if not result.cells:
        raise UserError("experiment.cells: no cell given; give a list of texts such as 'activation=gem N=2', or grids")
    if result.looks:
        result.seeds = result.seeds or result.explored + result.looks[-1]
        if len(result.counted) != result.looks[-1]:
            raise UserError(must_be("experiment.seeds", result.seeds, f"the last of experiment.looks={result.looks}"))
        looks_of(result)
    if result.steps and len(result.looks) > 1:
        raise UserError(
            must_be("experiment.looks", result.looks, "one number of seeds where experiment.steps is given")
        )
    if result.seeds < 1:
        raise UserError(must_be("experiment.seeds", result.seeds, "an integer of at least 1"))
    result.tune = typed_tuning(result.tune)
    if result.tune and (set(result.tune.grid) & {word.partition("=")[0] for word in " ".join(result.cells).split()}):
        raise UserError(f"experiment.tune.key={', '.join(result.tune.grid)}: must not be a key that the cells vary")
    if not result.counted:
        raise UserError(must_be("experiment.explored", result.explored, f"below experiment.seeds={result.seeds}"))
    if result.comparison == "paired" and len(result.counted) < FEWEST_PAIRS:
        raise UserError(must_be("experiment.seeds", result.seeds, f"at least {FEWEST_PAIRS} where comparison=paired"))
    if result.tune and not result.looks:
        result.looks = [len(result.counted)]  # a tuned study has at least one look, at all its seeds
    known = {frozenset(cell.split()) for cell in result.cells}
    for cell in result.cells:
        if not known & {frozenset([*result.reference.split(), *context(cell)])}:
            wanted = " ".join([result.reference, *context(cell)])
            raise UserError(f"experiment.reference={result.reference}: {wanted!r} must be one of the cells")
    check_families(result)
    for entry in result.published:
        if entry.get("cell") not in result.cells:
            raise UserError(f"experiment.published: {entry.get('cell')} is none of the cells {'; '.join(result.cells)}")
        if "source" not in entry or ("value" in entry) == ("difference" in entry):
            raise UserError(f"experiment.published: {entry['cell']}: give a source, and a value or a difference")
    return result


def looks_of(plan: Preset) -> Looks:
    """When a study with stages may stop. Raises UserError."""
    from experiments.stats.looks import Looks  # imports scipy, which --help does not need

    try:
        return Looks(tuple(plan.looks), plan.spending, plan.comparison)  # type: ignore[arg-type]
    except ValueError as error:
        raise UserError(f"experiment.{error}") from error


def check_families(plan: Preset) -> None:
    """Raise UserError if a family varies more than the activation, because it is compared as a whole."""
    for family in plan.families:
        rows = [cell for cell in plan.cells if family_of(cell) in family]
        alike = len({frozenset(context(cell)) for cell in rows}) == 1
        if isinstance(family, str) or len(rows) < 2 or not alike:
            allowed = "lists of activations with two cells or more that vary nothing else"
            shown = family if isinstance(family, str) else f"[{', '.join(family)}]"
            raise UserError(must_be("experiment.families", shown, allowed))


def family_of(cell: str) -> str:
    """``egem`` for ``activation=egem eps=1e-4``."""
    return next((word.partition("=")[2] for word in cell.split() if word.startswith("activation=")), "")


def context(cell: str) -> list[str]:
    """The words of a cell that do not name its activation."""
    return [word for word in cell.split() if not word.startswith(OWN)]


def reference_cell(plan: Preset, cell: str) -> str:
    """The cell that ``cell`` is compared with: the reference activation in the same context."""
    wanted = {*plan.reference.split(), *context(cell)}
    return next(other for other in plan.cells if set(other.split()) == wanted)


def compared_pairs(plan: Preset) -> dict[str, str]:
    """The comparisons: every cell except the references, with its reference."""
    by_words = {frozenset(cell.split()): cell for cell in plan.cells}
    references = {cell: by_words[frozenset([*plan.reference.split(), *context(cell)])] for cell in plan.cells}
    return {cell: other for cell, other in references.items() if other != cell}


def map_name(plan: Preset, axes: Sequence[str]) -> str:
    """The name of the figure of the metric over the keys ``axes``."""
    return "_".join([plan.name, *(key.rpartition(".")[2].lower() for key in axes)])


def preset_names() -> list[str]:
    """Every preset in configs/experiment, and those of installed families."""
    return sorted(config_files("experiment"))


def load_preset(name: str) -> Preset:
    """The preset ``name``. Raises UserError with the closest name, or with how to list them.

    ``changed`` is that of its own file: a change of another preset's plan is not inherited.
    """
    known = config_files("experiment")
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "python train.py --help lists the presets"
        raise UserError(f"experiment={name}: there is no such preset; {hint}")
    preset = typed_preset(composed_once(f"experiment={name}").experiment)
    preset.changed = own_text(name, "changed", lambda each: load_yaml(known[each].read_text()))
    return preset
