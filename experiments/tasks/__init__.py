"""What is trained: a task gives the model, the batch of a step, the loss and the evaluation to the loop."""

from experiments.tasks.base import Builder, Task, build_task

__all__ = ["Builder", "Task", "build_task"]
