"""Sweeps: ``plan`` lists the runs, ``freeze`` copies the code, ``submit`` decides, ``job`` runs, ``states`` reports."""
