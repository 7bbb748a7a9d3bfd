"""Tests what libraries do with a module: vmap, compile, trace, export, copy, store."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from experiments.trial.certificate.finding import Finding, Make, guarded, passes


def check_transforms(make: Make) -> Iterator[Finding]:
    questions: dict[str, Callable[[Make], Iterator[Finding]]] = {
        "vmap": check_vmap,
        "copies": check_copies,
        "state": check_state,
        "fx": check_fx,
        "compile": check_compile,
        "dynamic shapes": check_dynamic,
        "export": check_export,
        "ONNX": check_onnx,
    }
    for name, question in questions.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from guarded(name, lambda question=question: question(make))  # type: ignore[misc]


def example() -> Tensor:
    return torch.linspace(-4, 4, 24).view(4, 6)


def equal(name: str, found: Tensor, expected: Tensor, what: str, tolerance: float = 1e-6) -> Finding:
    if torch.allclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True):
        return passes(name, what)
    off = (found - expected).abs().max()
    return Finding(name, "fails", f"gives other values: off by {float(off):.3g}")


def check_vmap(make: Make) -> Iterator[Finding]:
    module, x = make().eval(), example()
    yield equal("vmap", torch.func.vmap(module)(x), module(x), "maps over a batch")


def check_copies(make: Make) -> Iterator[Finding]:
    module, x = make().eval(), example()
    for name, made in (("deepcopy", copy.deepcopy(module)), ("pickle", pickle.loads(pickle.dumps(module)))):
        if not torch.equal(torch.nan_to_num(made(x)), torch.nan_to_num(module(x))):
            yield Finding("copies", "fails", f"is another function after {name}")
            return
    yield passes("copies", "survives deepcopy and pickle")


def check_state(make: Make) -> Iterator[Finding]:
    module, x = make(), example()
    other = make()
    other.load_state_dict(module.state_dict())
    count = sum(p.numel() for p in module.parameters())
    learned = f"{count} learned parameters" if count else "no parameters"
    yield equal("state", other.eval()(x), module.eval()(x), f"its state is stored and loaded ({learned})")


def check_fx(make: Make) -> Iterator[Finding]:
    module, x = make().eval(), example()
    try:
        traced = torch.fx.symbolic_trace(module)
    except Exception as error:
        yield Finding("fx", "note", f"cannot be traced symbolically: {' '.join(str(error).split())[:120]}")
        return
    yield equal("fx", traced(x), module(x), "can be traced symbolically")


def gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    function(x).square().sum().backward()
    assert x.grad is not None
    return x.grad


def check_compile(make: Make) -> Iterator[Finding]:
    """Compile without a graph break, with the values and gradients of eager mode."""
    module, x = make().eval(), example()
    torch._dynamo.reset()
    try:
        compiled = torch.compile(module, fullgraph=True)
        found = compiled(x)
    except Exception:
        torch._dynamo.reset()
        whole = torch.compile(module)
        yield Finding("compile", "note", "breaks the graph under torch.compile: slower, but right")
        yield equal("compiled values", whole(x), module(x), "equal to eager mode", 1e-5)
        return
    yield equal("compile", found, module(x), "compiles without a graph break", 1e-5)
    yield equal("compiled gradient", gradient(compiled, x), gradient(module, x), "equal to eager mode", 1e-4)


def check_dynamic(make: Make) -> Iterator[Finding]:
    module = make().eval()
    torch._dynamo.reset()
    compiled = torch.compile(module, dynamic=True)
    for rows in (3, 5):
        x = example().repeat(rows, 1)
        found = equal("dynamic shapes", compiled(x), module(x), "compiles once for all shapes", 1e-5)
        if found.grade != "passes":
            yield found
            return
    yield found


def check_export(make: Make) -> Iterator[Finding]:
    module, x = make().eval(), example()
    program = torch.export.export(nn.Sequential(module), (x,))
    yield equal("export", program.module()(x), module(x), "exports with torch.export")


def check_onnx(make: Make) -> Iterator[Finding]:
    """Export to ONNX and run with onnxruntime, if both are installed."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        yield Finding("ONNX", "note", "not tried: onnx, onnxscript and onnxruntime are not installed")
        return
    module, x = make().eval(), example()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        program: Any = torch.onnx.export(nn.Sequential(module), (x,), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    found = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    yield equal("ONNX", torch.from_numpy(found), module(x), "exports to ONNX and computes the same there", 1e-5)
