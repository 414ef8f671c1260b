"""Benchmarks: ratios to peers, interleaved in one run. ``make bench``."""
