"""Benchmarks, each as ratios measured side by side in one run.

  python benchmarks/bench.py train          training, single and many seeds, compared with a plain and a published loop
  python benchmarks/bench.py activations    activations compared with torch's own
  python benchmarks/bench.py before_after   activations now and at an earlier commit, compared with torch's own
  python benchmarks/bench.py models         what an activation costs in a training step of ResNet-56 and GPT-2
  python benchmarks/bench.py lm             language models compared with nanoGPT
  python benchmarks/bench.py allocator      training on a CPU with another memory allocator
  python benchmarks/bench.py registers      what the Triton kernels need on a GPU, compiled without one

The head of benchmarks/bench_<name>.py lists the arguments of each.
"""

from __future__ import annotations

import importlib
import sys

from experiments.cli import script
from experiments.errors import UserError

BENCHES = ("train", "activations", "before_after", "models", "lm", "allocator", "registers")


def main(words: list[str]) -> None:
    name = words[0] if words else "nothing"
    if name not in BENCHES:
        raise UserError(f"bench {name}: must be one of {', '.join(BENCHES)}")
    importlib.import_module(f"benchmarks.bench_{name}").main(words[1:])


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
