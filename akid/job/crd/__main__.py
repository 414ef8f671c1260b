"""``python -m akid.job.crd [FILE]``: write the CRD to the file given, or print it."""

import sys
from pathlib import Path

from akid.job.crd.crd import to_yaml

if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(to_yaml(), encoding="utf-8")
else:
    sys.stdout.write(to_yaml())
