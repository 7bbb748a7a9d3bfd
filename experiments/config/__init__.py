"""Typed configuration: ``schema`` defines the keys, ``resolve`` fills and checks them, ``identity`` hashes them."""
