"""What is trained: a task gives the model, the batch for a step, the loss and the evaluation; the loop knows the rest."""

from experiments.tasks.base import Task, build_task

__all__ = ["Task", "build_task"]
