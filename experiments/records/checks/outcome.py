"""Checks the result of a record: complete, in range, and at the planned step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.errors import must_be
from experiments.families.family import Family
from experiments.records.checks.configuration import Configuration
from experiments.records.checks.fields import COUNT, NUMBER, POSITIVE, Rule, field_faults, is_number, is_text, shown
from experiments.records.checks.planned import PlannedRun, steps_per_epoch

SHARES = ("dead_units", "saturation")
SIZES = ("activation_variance", "activation_gradient")
MEANS = ("activation_mean",)
STATUS = Rule("finished or diverged", lambda value: value in ("finished", "diverged"))
LOSS_OR_NULL = Rule("a finite number, or null", lambda value: value is None or is_number(value))
NORM = Rule("a finite number of at least 0", lambda value: is_number(value) and value >= 0)
NORM_OR_NULL = Rule("a finite number of at least 0, or null", lambda value: value is None or NORM.check(value))
SHARE = Rule("a number from 0 to 1, or null", lambda value: value is None or (is_number(value) and 0 <= value <= 1))
FIGURES = {
    **dict.fromkeys(SHARES, SHARE),
    **dict.fromkeys(SIZES, NORM_OR_NULL),
    **dict.fromkeys(MEANS, LOSS_OR_NULL),
}
MEAN_TOLERANCE = 2e-5  # relative to the largest layer: both sides are rounded to six digits


def result_faults(result: Any, known: Configuration) -> list[str]:
    """Faults of ``result`` that do not depend on the rest of the record."""
    if not isinstance(result, dict):
        return [must_be("result", shown(result), "an object")]
    rules = RESULT[result.get("status") == "finished"] | extra_rules(result, known.family)
    faults = field_faults(result, rules, "result")
    if faults:
        return faults
    return [
        *(f"result.{fault}" for fault in metric_faults(result, known)),
        *(f"result.{fault}" for fault in step_faults(result, known)),
        *layer_faults(result),
    ]


COMMON = {"status": STATUS, "step": COUNT, "epoch": POSITIVE}
RESULT = {
    True: COMMON | {"train_loss": NUMBER, "gradient_norm": NORM},
    False: COMMON | {"train_loss": LOSS_OR_NULL, "gradient_norm": NORM_OR_NULL, "diverged_at_step": COUNT},
}


def extra_rules(result: Mapping[str, Any], family: Family) -> dict[str, Rule]:
    """Rules for the optional keys of ``result``: metrics, the mechanism, an amount, texts."""
    anything = Rule("", lambda _: True)  # metrics are checked separately
    rules = {metric.key: anything for metric in family.metrics if metric.key in result}
    rules |= {key: rule for key, rule in FIGURES.items() if key in result}
    if any(key in result for key in FIGURES):
        rules["by_layer"] = Rule("an object of lists", lambda value: isinstance(value, dict))
    rules |= {key: COUNT for key in family.counts if key in result}
    unit = amount_key(result, family)
    texts = [key for key, value in result.items() if key not in (*COMMON, *rules) and is_text(value)]
    return rules | ({unit: COUNT} if unit else {}) | dict.fromkeys(texts, anything)


def amount_key(result: Mapping[str, Any], family: Family) -> str | None:
    """The key of the amount of work, such as tokens: the one integer with no other meaning."""
    declared = {metric.key for metric in family.metrics} | {"diverged_at_step", *COMMON, *FIGURES, *family.counts}
    found = [key for key, value in result.items() if type(value) is int and key not in declared]
    step = result.get("step")
    return found[0] if len(found) == 1 and type(step) is int and step and result[found[0]] % step == 0 else None


def metric_faults(result: Mapping[str, Any], known: Configuration) -> list[str]:
    """Rule: a finished run has metrics in their declared ranges, of the test set or of held-out data.

    A diverged run has none, unless the evaluation itself gave a value that is not finite, which is written as null.
    """
    found = {metric.key: metric for metric in known.family.metrics if metric.key in result}
    held_out = known.family.held_out
    wrong = held_out.keys() if known.holds_out else set(held_out.values())
    data = "held-out training data" if known.holds_out else "the test set"
    faults = [f"{key}={shown(result[key])}: this run was evaluated on {data}" for key in found if key in wrong]
    if result["status"] == "finished":
        faults += [fault for key, metric in found.items() if (fault := metric.fault(result[key]))]
        return faults if found else ["status=finished: has no metric of its family"]
    faults += [fault for key, m in found.items() if result[key] is not None and (fault := m.fault(result[key]))]
    nulls = any(result[key] is None for key in (*found, "train_loss", "gradient_norm"))
    if found and not (result["diverged_at_step"] == result["step"] and nulls):
        faults.append(f"{next(iter(found))}={shown(result[next(iter(found))])}: a diverged run has no metrics")
    return faults


def step_faults(result: Mapping[str, Any], known: Configuration) -> list[str]:
    """Rule: a finished run ends at its planned step, a diverged one at this step or before."""
    step, epoch, at = result["step"], result["epoch"], result.get("diverged_at_step")
    per_epoch = steps_per_epoch(step, epoch)
    if per_epoch is None:
        return [f"epoch={epoch}: no whole number of steps an epoch puts step {step} there"]
    last = PlannedRun(known.recipe, per_epoch).last_step
    if result["status"] == "finished":
        return [] if step == last else [f"step={step}: a finished run must be at its planned step {last}"]
    faults = [] if step <= last else [f"step={step}: beyond the planned step {last}"]
    return faults if at <= step else [*faults, f"diverged_at_step={at}: after the last step {step}"]


def layer_faults(result: Mapping[str, Any]) -> list[str]:
    """Rule: each figure of the mechanism is the mean of its layers."""
    layers = result.get("by_layer", {})
    figures = [key for key in FIGURES if key in result]
    if set(layers) != set(figures):
        return [f"result.by_layer: must have the keys {', '.join(figures)}"]
    faults = []
    for key in figures:
        values, mean, rule = layers[key], result[key], FIGURES[key]
        if not isinstance(values, list) or not values or not all(map(rule.check, values)):
            faults.append(f"result.by_layer.{key}: must be a list, each {rule.allowed}")
        elif None in values or mean is None:
            continue
        elif abs(sum(values) / len(values) - mean) > MEAN_TOLERANCE * max(map(abs, values)):
            faults.append(f"result.{key}={mean}: not the mean of its layers")
    if len({len(layers[key]) for key in figures if isinstance(layers[key], list)}) > 1:
        faults.append("result.by_layer: its lists must be equally long")
    return faults
