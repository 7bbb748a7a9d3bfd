"""Sparse and nested tensors, which keep their elements in a dense tensor of values.

All functions of this package are 0 at 0, so the elements that a sparse tensor omits stay 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_COMPRESSED = {
    torch.sparse_csr: (torch.sparse_csr_tensor, "crow_indices", "col_indices"),
    torch.sparse_csc: (torch.sparse_csc_tensor, "ccol_indices", "row_indices"),
    torch.sparse_bsr: (torch.sparse_bsr_tensor, "crow_indices", "col_indices"),
    torch.sparse_bsc: (torch.sparse_bsc_tensor, "ccol_indices", "row_indices"),
}


def has_values(x: Tensor) -> bool:
    """Whether ``x`` is sparse or nested."""
    return x.layout is not torch.strided or x.is_nested


def map_values(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``x`` with ``f`` applied to its values. Raises TypeError for an unsupported layout."""
    if x.is_nested:
        return _map_nested(f, x)
    if x.layout is torch.sparse_coo:
        x = x.coalesce()
        return torch.sparse_coo_tensor(x.indices(), f(x.values()), x.shape, is_coalesced=True, check_invariants=False)
    if x.layout in _COMPRESSED:
        make, outer, inner = _COMPRESSED[x.layout]
        return make(getattr(x, outer)(), getattr(x, inner)(), f(x.values()), x.shape, check_invariants=False)
    raise TypeError(f"expected a strided, sparse or nested tensor, got one of layout {x.layout}")


def _map_nested(f: Callable[[Tensor], Tensor], x: Any) -> Tensor:
    if x.layout is torch.jagged:
        made: Tensor = torch.nested.nested_tensor_from_jagged(f(x.values()), x.offsets(), x.lengths(), x._ragged_idx)
        return made
    return torch.nested.as_nested_tensor([f(part) for part in x.unbind()], layout=x.layout)
