"""The commands around runs."""
