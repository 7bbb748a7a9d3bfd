"""Checks the learning curve of a record: its steps, its consistency, and its end, which must be the result."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.errors import must_be
from experiments.records.checks.configuration import Configuration
from experiments.records.checks.fields import is_number, is_whole, shown
from experiments.records.checks.outcome import COMMON, FIGURES, NORM, amount_key
from experiments.records.checks.planned import PlannedRun, epoch_of, steps_per_epoch
from experiments.records.record import CURVE_POINTS, rounded

Curve = Mapping[str, list[Any]]
EVERYWHERE = ("step", "epoch", "lr", "train_loss", "gradient_norm", "seconds")
RATE_TOLERANCE = 1e-5  # relative, because the curve has six digits
STATED_ONCE = ("status", "by_layer")  # keys that are in a result but not in its curve


def curve_faults(curve: Any, result: Mapping[str, Any], seconds: float, known: Configuration) -> list[str]:
    """Faults of ``curve`` for a valid ``result``; ``seconds`` is the time of the whole training."""
    faults = shape_faults(curve, result, known)
    if faults:
        return faults
    steps, per_epoch = curve["step"], steps_per_epoch(result["step"], result["epoch"])
    assert per_epoch is not None
    planned = PlannedRun(known.recipe, per_epoch)
    return [
        *step_faults(steps, result, planned),
        *progress_faults(curve, result, planned, known),
        *time_faults(curve["seconds"], seconds),
        *value_faults(curve, result, planned, known),
        *end_faults(curve, result),
    ]


def shape_faults(curve: Any, result: Mapping[str, Any], known: Configuration) -> list[str]:
    """Rule: lists of one length, with the keys of metrics.jsonl, and steps in ascending order."""
    if not isinstance(curve, dict) or not all(isinstance(column, list) for column in curve.values()):
        return ["curve: must be an object of lists"]
    amount = amount_key(result, known.family)
    allowed = {*EVERYWHERE, *FIGURES, *known.family.counts, *(metric.key for metric in known.family.metrics), "mfu"}
    allowed |= {amount, f"{amount}_per_second"} if amount else set()
    allowed |= {"diverged_at_step"} if result["status"] == "diverged" else set()
    faults = [f"curve.{key}: missing" for key in EVERYWHERE if key not in curve]
    faults += [f"curve.{key}: unknown key" for key in curve if key not in allowed]
    if faults:
        return faults
    points = len(curve["step"])
    if not 1 <= points <= CURVE_POINTS or any(len(column) != points for column in curve.values()):
        return [f"curve: its lists must be equally long, with 1 to {CURVE_POINTS} points"]
    steps = curve["step"]
    if not all(is_whole(step, 1) for step in steps) or any(a >= b for a, b in itertools.pairwise(steps)):
        return ["curve.step: must be integers of at least 1 in ascending order"]
    return []


def step_faults(steps: Sequence[int], result: Mapping[str, Any], planned: PlannedRun) -> list[str]:
    """Rule: the steps are those that the recipe logs, and all of them unless there are too many."""
    if steps[-1] != result["step"]:
        return [f"curve.step: ends at {steps[-1]}, the result is of step {result['step']}"]
    due = planned.logged_steps(result["step"])
    strange = sorted(set(steps) - set(due))
    if strange:
        return [f"curve.step: has step {strange[0]}, which the recipe does not log"]
    missing = sorted(set(due) - set(steps))
    if missing and len(due) <= CURVE_POINTS:
        return [f"curve.step: lacks step {missing[0]}, which the recipe logs"]
    return []


def progress_faults(curve: Curve, result: Mapping[str, Any], planned: PlannedRun, known: Configuration) -> list[str]:
    """Rule: epochs and amounts follow from the steps, and the learning rate from the recipe."""
    steps, faults = curve["step"], []
    if curve["epoch"] != [rounded(epoch_of(step, planned.per_epoch)) for step in steps]:
        faults.append("curve.epoch: is not that of its steps")
    amount = amount_key(result, known.family)
    if amount and curve.get(amount) != [step * (result[amount] // result["step"]) for step in steps]:
        faults.append(f"curve.{amount}: is not in proportion to its steps")
    rates = planned.rates(steps)
    if rates and not all(map(same_rate, curve["lr"], rates)):
        faults.append("curve.lr: is not the learning rate of the recipe")
    return faults


def same_rate(found: Any, rate: float) -> bool:
    return is_number(found) and abs(found - rate) <= RATE_TOLERANCE * max(abs(rate), abs(found)) + 1e-12


def time_faults(column: Sequence[Any], seconds: float) -> list[str]:
    """Rule: seconds of training never fall, and end at those of the whole training."""
    if not all(map(NORM.check, column)):
        return ["curve.seconds: must be finite numbers of at least 0"]
    if any(a > b for a, b in itertools.pairwise(column)):
        return ["curve.seconds: must not fall"]
    end = rounded(float(seconds))
    return [] if column[-1] == end else [f"curve.seconds: ends at {column[-1]}, provenance.seconds is {seconds}"]


def value_faults(curve: Curve, result: Mapping[str, Any], planned: PlannedRun, known: Configuration) -> list[str]:
    """Rule: measured numbers are in range, and there are metrics exactly at the steps that the recipe evaluates.

    The last line of a diverged run may have nulls.
    """
    steps = curve["step"]
    evaluated = set(planned.evaluated_steps(result["step"]))
    sound = len(steps) - (result["status"] == "diverged")
    faults = []
    if not all(map(is_number, curve["train_loss"][:sound])):
        faults.append("curve.train_loss: must be finite numbers")
    if not all(map(NORM.check, curve["gradient_norm"][:sound])):
        faults.append("curve.gradient_norm: must be finite numbers of at least 0")
    for metric in known.family.metrics:
        for step, value in zip(steps, curve.get(metric.key, ()), strict=False):
            fault = None if value is None else metric.fault(value)
            if value is not None and step not in evaluated:
                fault = f"{metric.key}={shown(value)}: step {step} is not evaluated"
            if fault:
                faults.append(f"curve.{fault}")
                break
    for key, rule in FIGURES.items():
        wrong = [value for value in curve.get(key, ()) if not rule.check(value)]
        if wrong:
            faults.append(must_be(f"curve.{key}", shown(wrong[0]), rule.allowed))
    return [*faults, *evaluation_faults(curve, evaluated, known)]


def evaluation_faults(curve: Curve, evaluated: set[int], known: Configuration) -> list[str]:
    """Rule: every evaluation but the last has a metric in the curve; the last one is in the result."""
    columns = [curve[metric.key] for metric in known.family.metrics if metric.key in curve]
    for index, step in enumerate(curve["step"][:-1]):
        if step in evaluated and all(column[index] is None for column in columns):
            return [f"curve: has no metric at step {step}, which is evaluated"]
    return []


def end_faults(curve: Curve, result: Mapping[str, Any]) -> list[str]:
    """Rule: the last point equals the result, to the digits of the curve."""
    faults = []
    for key, value in result.items():
        if key in STATED_ONCE or isinstance(value, str):
            continue
        if key not in curve:
            faults.append(f"curve.{key}: missing, the result has it")
        elif not equal(curve[key][-1], rounded(value)):
            faults.append(f"curve.{key}: ends at {shown(curve[key][-1])}, the result is {shown(value)}")
    unstated = (*COMMON, "lr", "seconds", "mfu")
    for key in curve:
        if key not in unstated and not key.endswith("_per_second") and key not in result and curve[key][-1] is not None:
            faults.append(f"result.{key}: missing, the curve ends at {shown(curve[key][-1])}")
    return faults


def equal(a: Any, b: Any) -> bool:
    """Equality of JSON values: true is not 1."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)
