"""The experiment suite: from a configuration to a run, from runs to records, and from records to verdicts.

``config`` types the configuration, ``activations`` finds the activation, and ``families`` hold the kinds of task.
``runs`` train one run, ``sweeps`` many. ``records`` keep the results, ``studies`` define which comparisons are made,
and ``stats`` test them. ``tables``, ``figures``, ``landscape`` and ``report`` show the outcome.
"""
