"""Where data sets lie: ``$AKID_DATA_PATH``, else ``~/.akid/data``."""

from __future__ import annotations

import os

#: A str, so that the paper's ``AKID_DATA_PATH + "/mnist"`` is a path.
AKID_DATA_PATH: str = os.environ.get("AKID_DATA_PATH") or os.path.join(os.path.expanduser("~"), ".akid", "data")
