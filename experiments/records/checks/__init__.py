"""What must be true of a record, part by part, and of several records together.

Every function is pure and returns complaints; ``experiments.records.read`` adds file and line, and raises.
"""
