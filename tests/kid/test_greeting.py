"""Standard error holds what a user can act on."""

import subprocess
import sys

from akid.greeting import kept


def test_only_greetings_are_left_out() -> None:
    text = b"All log messages before absl::InitializeLog()\nno such device\nI0 oneDNN custom operations are on"
    assert kept(text) == b"no such device\n"


def test_importing_tensorflow_says_nothing_and_other_text_gets_through() -> None:
    code = "import os, akid.backend; os.write(2, b'mine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b"mine"


def test_what_is_written_during_the_import_comes_after_it() -> None:
    code = "import os\nfrom akid.greeting import without_greetings\nwith without_greetings(): os.write(2, b'mine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b"mine"


def test_a_process_without_standard_error_can_import_it() -> None:
    code = "import akid.layers; print('there')"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code], capture_output=True, check=True, timeout=120
    )
    assert done.stdout == b"there\n"


def test_a_process_that_replaced_and_closed_its_standard_error_can_import_it() -> None:
    code = "import io, os, sys; sys.stderr = io.StringIO(); os.close(2); import akid.backend; print('there')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=120)
    assert done.stdout == b"there\n"
