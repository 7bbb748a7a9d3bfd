"""The whole certificate of one activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from experiments.trial.certificate.derivatives import check_derivatives
from experiments.trial.certificate.finding import Finding, Make, guarded
from experiments.trial.certificate.form import check_form
from experiments.trial.certificate.precision import check_precision
from experiments.trial.certificate.transforms import check_transforms
from experiments.trial.certificate.values import check_values

PARTS: dict[str, Callable[[Make], Iterator[Finding]]] = {
    "values": check_values,
    "derivatives": check_derivatives,
    "precision": check_precision,
    "form": check_form,
    "transforms": check_transforms,
}


def certify(make: Make, report: Callable[[str], None] = lambda part: None) -> dict[str, list[Finding]]:
    """The findings by part; ``report`` is called at the beginning of each part.

    It stops after a finding ``wrong`` and after one of randomness, because later findings would be noise.
    """
    found: dict[str, list[Finding]] = {}
    for part, check in PARTS.items():
        report(part)
        if part == "form" and any(f.name == "elementwise" and f.grade != "passes" for f in found["values"]):
            continue
        found[part] = list(guarded(part, lambda check=check: check(make)))  # type: ignore[misc]
        if is_wrong(found):
            break
        if any(finding.name == "chance" and finding.grade != "passes" for finding in found[part]):
            found[part].append(Finding("all else", "note", "not examined: of a random function two calls disagree"))
            break
    return found


def is_wrong(found: dict[str, list[Finding]]) -> bool:
    """Whether a finding makes training with it pointless."""
    return any(finding.grade == "wrong" for findings in found.values() for finding in findings)
