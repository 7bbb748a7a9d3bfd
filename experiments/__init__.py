"""The experiment suite: what turns a configuration into a run, runs into records, and records into verdicts.

``config`` types what is asked, ``activations`` finds the activation, ``families`` hold the kinds of task, ``runs``
train one run, ``sweeps`` many. ``records`` keep the results, ``studies`` say what is asked of them, ``stats`` whether
a difference is real; ``tables``, ``figures``, ``landscape`` and ``report`` show it.
"""
