"""Runs: what a run leaves in its directory."""
