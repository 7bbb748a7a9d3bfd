"""Runs a function in several connected processes at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import torch
import torch.multiprocessing as mp

from experiments.processes import processes


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def together(count: int, function: Callable[..., None], *arguments: Any) -> None:
    """``function(processes, *arguments)`` in ``count`` processes; raises what one of them raises."""
    mp.spawn(enter, (count, free_port(), function, arguments), count)


def enter(rank: int, count: int, port: str, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with processes(torch.device("cpu")) as group:
        function(group, *arguments)
        group.any(False)  # none leaves while another still speaks to it
