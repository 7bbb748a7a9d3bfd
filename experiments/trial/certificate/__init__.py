"""Is an activation sound? Each module asks one kind of question and answers with findings.

``values``: what goes in and comes out · ``precision``: half types and extremes · ``derivatives``: against differences,
in every mode · ``transforms``: vmap, compile, export and the like · ``form``: smoothness, monotony, flat parts.
"""
