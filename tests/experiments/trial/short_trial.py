"""scripts/trial.py with a battery of two tasks that take seconds."""

import runpy

from experiments.trial.battery import batteries

if __name__ == "__main__":
    batteries()["minutes"] = ["battery_digits_mlp", "battery_digits_cnn"]
    runpy.run_path("scripts/trial.py", run_name="__main__")
