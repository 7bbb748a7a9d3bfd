"""How a run happens: configuration, models, data, the loop, run identity, checkpoints, records and statistics."""
