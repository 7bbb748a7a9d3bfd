"""The certificate: sound activations pass, and each faulty one gets the right finding."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gem
from experiments.trial.certificate.certify import certify, is_wrong
from experiments.trial.certificate.derivatives import check_derivatives
from experiments.trial.certificate.finding import Finding, Make, guarded
from experiments.trial.certificate.form import check_form, find_kinks
from experiments.trial.certificate.precision import check_precision
from experiments.trial.certificate.transforms import check_copies, check_state, check_vmap
from experiments.trial.certificate.values import check_values
from tests.experiments.trial import suspects


def quick(make: Make) -> dict[str, Finding]:
    """Everything but what compiles, by the name of the question."""
    checks = (check_values, check_derivatives, check_precision, check_vmap, check_copies, check_state)
    every = [f for check in checks for f in guarded(check.__name__, lambda check=check: check(make))]  # type: ignore[misc]
    return {finding.name: finding for finding in every}


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "mish", "tanh", "golu", "gem", "egem", "segem"])
def test_the_usual_ones_are_sound(name: str) -> None:
    found = quick(lambda: gem.make_activation(name))
    assert {f.name: f.text for f in found.values() if f.grade in ("fails", "wrong")} == {}


@pytest.mark.parametrize(
    ("suspect", "question", "grade", "words"),
    [
        (suspects.WrongBackward, "first derivative", "wrong", "the backward pass is wrong"),
        (suspects.Constant, "first derivative", "wrong", "the gradient is 0 everywhere"),
        (suspects.Widening, "type", "fails", "float32 in, float64 out"),
        (suspects.Overwriting, "input", "wrong", "changes its input"),
        (suspects.Noisy, "chance", "fails", "random"),
        (suspects.HidesNan, "NaN", "fails", "hides a NaN"),
        (suspects.Overflowing, "extremes", "fails", "not finite"),
        (suspects.RandomSlope, "chance", "fails", "random in training mode"),
        (suspects.Coarse, "float16", "fails", "units in the last place"),
        (suspects.Renamed, "float16", "note", "loses digits where its value is small"),
        (suspects.OverBatch, "elementwise", "note", "depends on other inputs"),
    ],
)
def test_a_suspect_is_told_as_what_it_is(suspect: Make, question: str, grade: str, words: str) -> None:
    found = quick(suspect)
    assert (found[question].grade, words in found[question].text) == (grade, True), found[question]
    assert grade == "note" or found[question].shown_by or question == "first derivative"


def test_what_is_wrong_ends_the_certificate() -> None:
    parts = []
    found = certify(suspects.WrongBackward, parts.append)
    assert is_wrong(found)
    assert parts == ["values", "derivatives"]
    shown = next(f for f in found["derivatives"] if f.grade == "wrong").shown_by
    assert "backward says" in shown
    assert "differences" in shown


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (nn.ReLU, [(0.0, 1)]),
        (nn.ELU, [(0.0, 2)]),
        (lambda: nn.Hardtanh(), [(-1.0, 1), (1.0, 1)]),
        (suspects.KinkAtOne, [(1.0, 1)]),
        (lambda: gem.GEM(N=1), [(0.0, 3)]),
        (lambda: gem.GEM(N=2), [(0.0, 5)]),
        (lambda: gem.EGEM(N=1, eps=1e-4), [(0.0, 3)]),
        (lambda: gem.SEGEM(N=1, eps=1e-4), [(0.0, 3)]),
        (nn.GELU, []),
        (gem.GoLU, []),
    ],
)
def test_kinks_are_found_at_their_order(make: Make, expected: list[tuple[float, int]]) -> None:
    """GEM of order N is 2N times continuously differentiable at 0: derivative 2N + 1 jumps."""
    found = sorted((round(kink.x, 4), kink.order) for kink in find_kinks(make().double()))
    assert found == expected


def test_the_form_in_words() -> None:
    relu = {f.name: f for f in check_form(nn.ReLU)}
    assert "has a kink at x = 0: the slope jumps by 1" in relu["smoothness"].text
    assert "no gradient for 50 %" in relu["dead region"].text
    assert relu["monotony"].text == "never falls"
    assert relu["bounds"].text.startswith("bounded on the left: at least 0")
    assert relu["moments"].text == "gain 1.414; of a normal input mean 0.399, variance 0.341"
    gelu = {f.name: f for f in check_form(suspects.Renamed)}
    assert gelu["monotony"].text.startswith("falls from x = ")
    assert "between −8 and 8 in derivatives" in gelu["smoothness"].text
    tanh = {f.name: f for f in check_form(nn.Tanh)}
    assert tanh["bounds"].text == "bounded: between -1 and 1"


@pytest.mark.slow
@pytest.mark.parametrize("make", [nn.GELU, suspects.Renamed, lambda: gem.EGEM(), lambda: gem.GEM(learnable=True)])
def test_the_whole_certificate(make: Make) -> None:
    """With compilation, export and ONNX."""
    found = certify(make)
    assert set(found) == {"values", "derivatives", "precision", "form", "transforms"}
    assert [f for part in found.values() for f in part if f.grade in ("fails", "wrong")] == []
    names = {f.name for f in found["transforms"]}
    assert names >= {"vmap", "copies", "state", "compile", "dynamic shapes", "export", "ONNX"}


def test_an_exception_is_a_finding() -> None:
    class Raises(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ZeroDivisionError("of its own")

    found = certify(Raises)
    assert found["values"] == [Finding("values", "fails", "raises ZeroDivisionError: of its own")]
