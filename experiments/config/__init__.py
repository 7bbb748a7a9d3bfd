"""Typed configuration: ``schema`` says what exists, ``resolve`` fills and checks it, ``identity`` hashes it."""
