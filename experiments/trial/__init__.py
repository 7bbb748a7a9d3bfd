"""A stranger's activation on trial: is it sound, what does it cost, where is it better?

``candidate`` reads which one, ``certificate`` says whether it is sound, ``cost`` what it costs, ``battery`` on which
tasks it is compared, ``verdict`` what came out, ``page`` shows it.
"""
