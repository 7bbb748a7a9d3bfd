"""What trained networks look like from outside: curvature, the loss around them, their weights."""
