"""The rules for a record, part by part, and for several records together.

Every function is pure and returns error messages. ``experiments.records.read`` adds file and line, and raises.
"""
