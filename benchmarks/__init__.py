"""Speed beside peers, as ratios measured in one run. For developers of the suite, not for its users."""
