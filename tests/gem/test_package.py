"""What the package index shows, and the version."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import gem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_one_version_everywhere() -> None:
    assert "version" in PROJECT["dynamic"]
    assert f"\nversion: {gem.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_call_of_a_module_is_a_tensor_for_strict_mypy(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    user = tmp_path / "user.py"
    made = ("GEM()", "EGEM()", "SEGEM()", "GoLU()", "EGEM(learnable=True)", "GEMGLU(4)")
    calls = [f"reveal_type(gem.{each}(x))" for each in made] + ["reveal_type(gem.egem(x))"]
    user.write_text("\n".join(["import torch", "import gem", "x = torch.ones(4)", *calls]) + "\n")
    told, _, _ = api.run(["--strict", "--no-incremental", "--config-file=", str(user)])
    assert told.count('Revealed type is "torch._tensor.Tensor"') == len(calls), told
    assert "error" not in told


def test_links_on_the_index_are_absolute() -> None:
    page = (ROOT / PROJECT["readme"]).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]*)\)|(?:src|href)=\"([^\"]*)\"", page)
    assert links
    for link in [*("".join(pair) for pair in links), *PROJECT["urls"].values()]:
        assert link.startswith("https://"), link
    assert not any("," in label for label in PROJECT["urls"])  # a comma ends the label
    assert "firedrake-fiat" in page
