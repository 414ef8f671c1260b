"""Reading manifests: YAML that is safe, agrees with the API server, and says where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from job.manifests import manifest

from akid.job import InvalidManifestError, load, load_mapping, parse


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


def test_plain_scalars_are_read_as_the_api_server_reads_them():
    text = "a: 1e-3\nb: 2026-01-01\nc: 12:30\nd: 1.5\ne: 7\nf: 0x10\ng: -.5\nh: null\ni: true\nj: .inf\n"
    values = load_mapping(text)
    assert values == {
        "a": 0.001,
        "b": "2026-01-01",
        "c": "12:30",
        "d": 1.5,
        "e": 7,
        "f": 16,
        "g": -0.5,
        "h": None,
        "i": True,
        "j": float("inf"),
    }
