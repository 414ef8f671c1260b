"""Benchmarks: ratios to peers, interleaved in one run. ``make bench``, or ``python -m tests.benchmarks training``.

Every row is the median of several rounds, with their range; absolute speeds are not compared, since they belong
to a machine and to what else it does. Peers are processes that are ready at the same time and take turns, in an
order that is reversed every other time. Each has the threads it would have in a user's hands; "Keras at its best"
gets what a small model gains most from. A round is long, so that what a call of ``practice()`` or ``fit()`` costs
once, starting and finishing, is no part of a step's figure. A wide range says that other work ran beside it: run
it again alone. The exit code says whether every target was reached; nothing in ``make test`` depends on a time.
"""
