"""Speed compared with peers, as ratios within one run. For developers of the suite, not for its users."""
