"""Reading manifests: YAML that is safe, agrees with the API server, and says where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from job.manifests import job, manifest

from akid.job import InvalidManifestError, load, load_mapping, parse
from akid.job.objects.services_and_config import kid_text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "manifest: is empty, expected a manifest of kind AkidJob."),
        ("", "manifest: is empty, expected a manifest of kind AkidJob."),
        (
            "a: 1\n---\nb: 2\n",
            "manifest: expected one document, received 2. Put each job into its own file.",
        ),
        ("- a\n- b\n", "manifest: expected a mapping, received ['a', 'b'] (a list)."),
        ("a: 1\nb: 2\na: 3\n", "manifest: line 3, column 1: duplicate key 'a'."),
        ("a: [1,\nb: 2\n", "manifest: line 3, column 1:"),
        ("a:\n\tb: 1\n", "manifest: line 2, column 1:"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "manifest: line 1, column 4: could not determine",
        ),
        ("a: {1: b}", "a: expected a text as key, received 1 (an integer). Put it into quotes."),
        ("a: &x [*x]\n", "is too large or refers to itself"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{c}: &{c} [{','.join(['*' + p] * 10)}]\n" for p, c in zip("abcdef", "bcdefg", strict=True)
            ),
            "is too large or refers to itself",
        ),
    ],
)
def test_a_text_that_is_no_manifest_is_refused(text: str, message: str):
    with pytest.raises(InvalidManifestError) as error:
        load(text)
    assert message in str(error.value)


def test_a_file_that_is_missing_is_named():
    with pytest.raises(InvalidManifestError, match=r"^nowhere.yaml: cannot be read: No such file"):
        load("nowhere.yaml")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(InvalidManifestError, match="expected UTF-8 text, received byte 3"):
        load(tmp_path / "a.yaml")


def test_a_file_and_its_text_and_its_mapping_agree(tmp_path: Path):
    text = yaml.safe_dump(manifest())
    path = tmp_path / "digits.yaml"
    path.write_text(text + "---\n")
    assert load(path) == load(str(path)) == load(text) == parse(manifest())


def test_something_that_is_no_mapping_is_refused():
    with pytest.raises(InvalidManifestError, match="manifest: expected a mapping, received 3"):
        parse(3)  # pyright: ignore[reportArgumentType]


def test_a_number_that_json_has_not_is_refused_with_its_place():
    with pytest.raises(
        InvalidManifestError, match=r"^manifest: line 2, column 4: .inf is no number that JSON has"
    ):
        load_mapping("a: 1\nj: .inf\n")


@pytest.mark.parametrize("value", ["12e4567", "08", "1e3", "on", "~", "0o17", "2001-01-01", 1e-7, 8, None, True])
def test_params_reach_the_trainer_as_they_are(value: object):
    given = job(kid={"script": "kid = None", "params": {"fold": value}})
    assert load(kid_text(given)).spec.kid.params == {"fold": value}
