"""The operator never fills in a template: what jobs say is not run where the operator runs."""

from __future__ import annotations

import subprocess
import sys


def test_the_operator_loads_no_template_engine() -> None:
    code = (
        "import pkgutil, importlib, sys, akid_operator\n"
        "for one in pkgutil.walk_packages(akid_operator.__path__, 'akid_operator.'):\n"
        "    importlib.import_module(one.name)\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'jinja2', 'mako', 'optuna', 'tensorflow'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
