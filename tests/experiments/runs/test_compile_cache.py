"""The compile cache of a sweep: one for each kind of processor, shared by processes that compile at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.runs import compile_cache
from tests.experiments.zygote import ROOT, environment


def test_each_kind_of_processor_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels for the CPU are compiled for the processor at hand; on an older one they would be illegal."""
    places = []
    for flags in ({"avx2"}, {"avx2", "avx512f"}, {"avx2"}):
        monkeypatch.setattr(compile_cache, "cpu_flags", lambda flags=flags: flags)
        places.append(compile_cache.compile_folder("cache"))
    assert places[0] == places[2] != places[1]
    assert places[0].parts[:2] == ("cache", "compile")


def test_a_place_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "mine")
    monkeypatch.setenv("TRITON_CACHE_DIR", "")
    monkeypatch.delenv("TRITON_CACHE_DIR")
    compile_cache.share_compile_cache(str(tmp_path))

    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "mine"
    assert os.environ["TRITON_CACHE_DIR"].startswith(str(tmp_path))


CODE = """
import sys, torch
from experiments.runs import compile_cache
compile_cache.share_compile_cache(sys.argv[1])
from torch._dynamo.utils import counters
f = torch.compile(lambda x: (x.sin() * x + 1).exp().sum(), dynamic=False)
x = torch.linspace(0, 1, 512)
torch.testing.assert_close(f(x), (x.sin() * x + 1).exp().sum())
print(counters["inductor"]["fxgraph_cache_hit"], counters["inductor"]["fxgraph_cache_miss"])
"""


@pytest.mark.slow
def test_two_compile_at_once_and_a_third_loads(tmp_path: Path) -> None:
    line = [sys.executable, "-c", CODE, str(tmp_path)]
    both = [
        subprocess.Popen(line, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert sum(map(int, out.split())) >= 1
    third = subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    assert third.stdout.split() == ["1", "0"]
