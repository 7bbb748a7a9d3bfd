"""The certificate: tests of whether an activation is sound. Each module has one kind of test and returns findings.

``values``: inputs and outputs · ``precision``: half types and extremes · ``derivatives``: against differences, in
every mode · ``transforms``: vmap, compile, export and others · ``form``: smoothness, monotony, flat parts.
"""
