"""The parts of the examination of a device, in order, each with its share of the minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """``module`` in this folder yields the rows; ``columns`` maps keys of a row to titles.

    ``until`` is the share of all minutes after which this part must have ended. Unused time goes to the next part.
    """

    module: str
    title: str
    until: float
    note: str
    columns: Mapping[str, str]


PARTS = (
    Part("machine", "Machine", 0.05, "", {"what": "what", "value": "value"}),
    Part(
        "kernels",
        "Activations",
        0.2,
        "Errors against `gem.reference` in float64, in rounding steps of the type at max(1, |value|). Right: at most "
        "8. Time: forward and backward, fastest of interleaved rounds. A copy's bandwidth is 100 %.",
        {
            "activation": "activation",
            "dtype": "type",
            "error": "forward error",
            "slope_error": "backward error",
            "right": "right",
            "to_gelu": "time / GELU",
            "bandwidth": "of copy bandwidth",
        },
    ),
    Part(
        "families",
        "One step of each family, beside the CPU",
        0.4,
        "The same weights and batch on both devices. Differences are relative; gradients as one vector.",
        {
            "family": "family",
            "loss": "loss on the CPU",
            "loss_difference": "difference of the loss",
            "gradient_difference": "difference of the gradient",
            "evaluated": "evaluated",
            "right": "right",
        },
    ),
    Part(
        "throughput",
        "Training speed",
        0.7,
        "Optimiser steps on generated data. MFU: model FLOPs against the maker's dense bf16 peak.",
        {
            "model": "model",
            "impl": "impl",
            "rate": "a second",
            "unit": "unit",
            "mfu": "MFU",
            "tflops": "TFLOP/s",
            "mib": "MiB",
            "joules": "J a step",
        },
    ),
    Part(
        "packing",
        "Several runs at a time",
        0.85,
        "The same network in each process. The last column is the speed of all of them to that of one alone.",
        {"processes": "processes", "mps": "MPS", "rate": "images a second", "to_one": "to one", "mib": "MiB"},
    ),
    Part(
        "runs",
        "Runs of a study",
        1.0,
        "A run that is stopped is continued by the next command.",
        {"run": "run", "seed": "seed", "result": "result", "seconds": "seconds"},
    ),
)
