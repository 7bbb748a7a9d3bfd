"""``recipe.lbfgs_steps``: the last steps of a training by L-BFGS (Liu and Nocedal 1989) on one fixed batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

ITERATIONS = 20  # of L-BFGS per step, with at most 25 evaluations of loss and gradient
HISTORY = 50  # stored pairs of steps and gradient changes
SCALE = 2.0**30  # factor on the loss inside the optimiser


class LBFGS:
    """``torch.optim.LBFGS`` with its strong Wolfe line search, which has no learning rate to tune.

    torch drops pairs whose curvature is below 1e-10 and stops at changes below 1e-9. Both limits are absolute, and a
    float64 loss goes far below them. So the loss is multiplied by a power of two, which is exact. Then only the line
    search ends a step early.
    """

    def __init__(self, model: nn.Module) -> None:
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.LBFGS(
            self.parameters,
            max_iter=ITERATIONS,
            history_size=HISTORY,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

    def step(self, backward: Callable[[], Tensor]) -> None:
        """Up to ``ITERATIONS`` iterations. ``backward`` leaves the gradient in the parameters and returns the loss."""

        def scaled() -> Tensor:
            loss = backward() * SCALE
            torch._foreach_mul_([p.grad for p in self.parameters if p.grad is not None], SCALE)
            return loss

        self.optimizer.step(scaled)
        self.optimizer.zero_grad()

    def state(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state)
