"""Writes the simulated tables of docs/verdicts.md between their markers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from experiments.markdown import pipe_table
from experiments.stats.looks import Looks
from experiments.stats.simulation.alternatives import ALTERNATIVES, family_error, power
from experiments.stats.simulation.cross_fitting import CASES, simulate_coverage
from experiments.stats.simulation.rates import Rates, simulate
from experiments.stats.simulation.scenarios import CORRELATIONS, SCENARIOS, SHAPES, SPREADS, STRESS, Scenario

ROWS = (6, 15)
PLANNED = (5, 8, 12, 20)
DESIGNS = {
    "3 seeds": Looks((3,)),
    "5 seeds": Looks((5,)),
    "10 seeds": Looks((10,)),
    "looks at 5, 8, 12, 20 (O'Brien–Fleming)": Looks(PLANNED),
    "looks at 5, 8, 12, 20 (Pocock)": Looks(PLANNED, "pocock"),
}
MIXED = (0.0, 0.5, 1.0, 2.0)  # true differences of the rows, in sds of one run
MARGINS = (1.0, 2.0, 4.0, 16.0)  # sds of one run; the true differences lie at the margins


def write_page(page: Path, studies: int) -> None:
    """Simulate all tables and write them into ``page``. Raises ValueError if a marker is missing."""
    text = page.read_text()
    for name, table in TABLES.items():
        before, marker, rest = text.partition(f"<!-- simulated: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise ValueError(f"{page.name}: no marker <!-- simulated: {name} --> with an end")
        text = f"{before}{marker}\n{table(studies)}\n\n{end}{after}"
    page.write_text(text)


def error_table(studies: int) -> str:
    """Errors in every scenario; each cell shows the worse of the two correlations."""
    headers = ["design", "rows", *(f"error: {s.title}" for s in SPREADS)]
    headers += ["coverage of all intervals, least", "false coverage, most", "equivalence error, most"]
    lines = []
    for title, looks in DESIGNS.items():
        for rows in ROWS:
            nulls = {s: simulate(looks, rows, s, studies) for s in SCENARIOS}
            mixed = [simulate(looks, rows, s, studies, MIXED) for s in SCENARIOS]
            at_margin = [simulate(looks, rows, s, studies, (m,), m) for s in SCENARIOS for m in MARGINS]
            every = [*nulls.values(), *mixed]
            lines.append(
                [
                    title,
                    rows,
                    *(percent(max(r.family_error for s, r in nulls.items() if s.title == x.title)) for x in SPREADS),
                    percent(min(rates.coverage for rates in every)),
                    percent(max(rates.false_coverage for rates in every)),
                    percent(max(rates.equivalence_error for rates in at_margin)),
                ]
            )
    return pipe_table(lines, headers)


def found_table(studies: int) -> str:
    """The quality of the intervals of rows called better or worse, by true difference."""
    lines = []
    for title in ("3 seeds", "5 seeds", "10 seeds"):
        for effect in (1.0, 2.0):
            rates = simulate(DESIGNS[title], 6, SPREADS[0], studies, (effect,))
            lines.append([title, f"{effect:g} sd", *found_cells(rates)])
    return pipe_table(lines, ["design", "true difference", "power", "false coverage", "coverage given a finding"])


def found_cells(rates: Rates) -> list[str]:
    return [percent(rates.power), percent(rates.false_coverage), percent(rates.coverage_if_found)]


def shape_table(studies: int) -> str:
    """Family-wise error for distributions that are not normal, six rows."""
    designs = [title for title in DESIGNS if title != "3 seeds"]
    tests = [*(DESIGNS[title] for title in designs), Looks((5,), test="welch")]
    lines = [[s.title, *(percent(simulate(test, 6, s, studies).family_error) for test in tests)] for s in SHAPES]
    return pipe_table(lines, ["law of a run", *designs, "5 seeds, Welch's test"])


def stopping_table(studies: int) -> str:
    """Power and mean seeds, compared with a fixed number of 20 seeds; equal sds."""
    plans = {
        "fixed, 20": (20,),
        "O'Brien–Fleming, 5, 10, 15, 20": (5, 10, 15, 20),
        "O'Brien–Fleming, 5, 8, 12, 20": PLANNED,
        "Pocock, 5, 8, 12, 20": PLANNED,
    }
    lines = []
    for test, correlation, rows in (
        ("welch", 0.0, 1), ("paired", 0.0, 1), ("paired", 0.6, 1), ("paired", 0.0, 6), ("paired", 0.6, 6)
    ):  # fmt: skip
        for title, sizes in plans.items():
            looks = Looks(sizes, "pocock" if title.startswith("Pocock") else "obrien-fleming", test)  # type: ignore[arg-type]
            cells = [title, test, f"{correlation:g}", rows]
            for effect in (1.0, 2.0):
                rates = simulate(looks, rows, Scenario("", correlation=correlation), studies, (effect,))
                cells += [percent(rates.power), f"{rates.seeds:.1f}"]
            lines.append(cells)
    headers = ["plan", "test", "correlation", "rows", "power at 1 sd", "seeds", "power at 2 sd", "seeds"]
    return pipe_table(lines, headers)


def equivalence_table(studies: int) -> str:
    """How often a row without a difference is found equivalent, and after how many seeds; six rows."""
    lines = []
    for title, looks in DESIGNS.items():
        cells = [title]
        for margin in (1.0, 2.0):
            rates = simulate(looks, 6, Scenario("", correlation=0.6), studies, (0.0,), margin)
            cells += [percent(rates.equivalent), f"{rates.seeds:.1f}"]
        lines.append(cells)
    return pipe_table(lines, ["design", "equivalent within 1 sd", "seeds", "equivalent within 2 sd", "seeds"])


def alternatives_table(studies: int) -> str:
    """Family-wise error and power of the tests that were compared; five seeds, six rows."""
    unstable = STRESS[2]
    lines = []
    for title, test in ALTERNATIVES.items():
        known = max(family_error(test, s, rows, n, studies) for s in SCENARIOS for rows in ROWS for n in (3, 5, 10))
        stress = max(family_error(test, s, 6, n, studies) for s in STRESS for n in (3, 5, 10))
        alike = [power(test, Scenario("", correlation=c), 6, 5, studies, (2.0,)) for c in CORRELATIONS]
        noisy = power(test, unstable, 6, 5, studies, (2.0,))
        lines.append([title, percent(known), percent(stress), *map(percent, alike), percent(noisy)])
    headers = ["test", "error, worst of the scenarios above", "error, worst of harder ones"]
    headers += [f"power at 2 sd, correlation {c:g}" for c in CORRELATIONS]
    return pipe_table(lines, [*headers, "the same beside one row that spreads ten times"])


def cross_fitting_table(studies: int) -> str:
    """Coverage of nominal 95 % intervals for cross-fitted differences. It uses a tenth of the studies."""
    lines = []
    for case in CASES:
        cells = [case.title, f"{case.settings:g}", f"{case.activations:g}"]
        for seeds in (6, 10):
            found = simulate_coverage(case, seeds, max(200, studies // 10))
            cells += [percent(found.jackknife), percent(found.over_seeds)]
        lines.append(cells)
    headers = ["settings", "variance common to settings", "to activations"]
    headers += ["jackknife, 6 seeds", "t over seeds, 6", "jackknife, 10 seeds", "t over seeds, 10"]
    return pipe_table(lines, headers)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


TABLES: dict[str, Callable[[int], str]] = {
    "errors": error_table,
    "found": found_table,
    "shapes": shape_table,
    "stopping": stopping_table,
    "equivalence": equivalence_table,
    "alternatives": alternatives_table,
    "cross-fitting": cross_fitting_table,
}
