"""Properties of trained networks: curvature, the loss around them, and the distribution of their weights."""
