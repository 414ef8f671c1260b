"""Settings and fixtures of all tests."""

from __future__ import annotations

import os

# Before TensorFlow is imported: quiet.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

pytest_plugins = ["cluster.fixtures"]
