"""The trial of a user's activation: is it sound, what does it cost, and where is it better?

``candidate`` reads the activation, ``certificate`` tests whether it is sound, and ``cost`` measures its cost.
``battery`` has the tasks of the comparison. ``verdict`` summarises the results, and ``page`` shows them.
"""
