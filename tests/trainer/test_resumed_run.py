"""A job that goes on with an earlier job's run directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from akid.errors import InvalidSpecError
from akid.manifests.recipe import check_resumed


def test_a_run_that_is_there_can_be_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "digits-0a1b2c3d").mkdir()
    (tmp_path / "digits-0a1b2c3d" / "kid.yaml").touch()
    check_resumed("digits-0a1b2c3d", tmp_path / "digits-0a1b2c3d")
    check_resumed("", tmp_path / "new")


def test_a_name_that_is_wrong_does_not_begin_anew_unseen(tmp_path: Path) -> None:
    (tmp_path / "digits-0a1b2c3d").mkdir()
    (tmp_path / "digits-0a1b2c3d" / "kid.yaml").touch()
    with pytest.raises(InvalidSpecError) as error:
        check_resumed("digits-0a1b2c3e", tmp_path / "digits-0a1b2c3e")
    assert str(error.value).startswith("spec.volumes.log.resumeFrom: there is no run in ")
    assert str(error.value).endswith("Received: 'digits-0a1b2c3e'. Did you mean 'digits-0a1b2c3d'?")
    with pytest.raises(InvalidSpecError, match="Runs beside it: none"):
        check_resumed("digits", tmp_path / "lab" / "digits")
