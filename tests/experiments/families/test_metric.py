"""Metrics have the direction, the unit and the range that are declared; no name is parsed."""

from __future__ import annotations

import math

import pytest

from experiments.families.metric import Metric, loss_in_nats, percentage
from experiments.families.registry import families
from experiments.stats import judge_rows, verdict_words

BLEU = Metric("test_bleu", "test BLEU", "", True, 1, 0.0, 100.0)
MIOU = percentage("test_miou", "test mean IoU")
PSNR = Metric("val_psnr", "validation PSNR", "dB", True, 2, 0.0)
FID = Metric("test_fid", "test FID", "", False, 2, 0.0)


@pytest.mark.parametrize(("metric", "higher"), [(BLEU, True), (MIOU, True), (PSNR, True), (FID, False)])
def test_better_is_what_is_declared(metric: Metric, higher: bool) -> None:
    """By the words of a comparison, for keys whose suffix says nothing."""
    groups = {"new": {s: 31.0 + 0.1 * s for s in range(5)}, "old": {s: 30.0 + 0.1 * s for s in range(5)}}
    found = judge_rows(groups, {"new": "old"}, metric.higher_is_better, test="welch")["new"]
    words = verdict_words(found, metric.difference_unit, metric.digits)
    assert words.split()[0] == ("better" if higher else "worse")


def test_units_and_headings() -> None:
    assert (MIOU.heading, MIOU.difference_unit, MIOU.text(31.25)) == ("test mean IoU (%)", "points", "31.25 %")
    assert (BLEU.heading, BLEU.difference_unit, BLEU.text(31.25)) == ("test BLEU", "", "31.2")
    assert (PSNR.heading, PSNR.difference_unit) == ("validation PSNR (dB)", "dB")


@pytest.mark.parametrize(
    ("metric", "value", "fault"),
    [
        (MIOU, 31.0, None),
        (MIOU, 0, None),
        (MIOU, True, "must be a number"),
        (MIOU, "31", "must be a number"),
        (MIOU, None, "must be a number"),
        (MIOU, 990.0, "must be from 0 to 100"),
        (loss_in_nats("test_loss", "test loss"), -0.1, "must be from 0 to inf"),
        (FID, math.nan, "must be finite"),
        (PSNR, math.inf, "must be finite"),
    ],
)
def test_a_value_that_cannot_be_is_named(metric: Metric, value: object, fault: str | None) -> None:
    found = metric.fault(value)
    assert found is None if fault is None else fault in str(found)
    assert found is None or found.startswith(metric.key)


def test_every_family_declares_each_key_once() -> None:
    for family in families().values():
        keys = [metric.key for metric in family.metrics]
        assert len(keys) == len(set(keys)), family.kind
