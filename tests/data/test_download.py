"""Downloads against a server on this machine."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from data.local_server import LocalServer

from akid.errors import DataError
from akid.sources.download import download

CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def url(server: LocalServer) -> str:
    server.files["/set.gz"] = CONTENT
    return f"{server.url}/set.gz"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "set.gz"


def leftovers(path: Path) -> set[str]:
    return {p.name for p in path.parent.iterdir()} - {".download.lock"}


def never(seconds: float) -> None:
    raise AssertionError("waits")


def test_a_file_arrives_and_nothing_else_stays(url: str, path: Path) -> None:
    assert download(url, path, SHA256, wait=never) == path
    assert path.read_bytes() == CONTENT
    assert leftovers(path) == {"set.gz"}


def test_a_file_that_is_here_is_not_downloaded(server: LocalServer, url: str, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"here")
    download(url, path, SHA256)
    assert path.read_bytes() == b"here"
    assert server.asked == []


def test_a_broken_connection_is_resumed_where_it_broke(server: LocalServer, url: str, path: Path) -> None:
    server.breaks = [300_000, 100_000]
    waits: list[float] = []
    download(url, path, SHA256, wait=waits.append)
    assert path.read_bytes() == CONTENT
    assert [r for _, r in server.asked] == ["", "bytes=300000-", "bytes=400000-"]
    assert waits == [1.0, 1.0]


@pytest.mark.parametrize("lacking", ["ranges", "tags"])
def test_without_ranges_or_tags_it_begins_anew(server: LocalServer, url: str, path: Path, lacking: str) -> None:
    setattr(server, lacking, False)
    server.breaks = [300_000]
    download(url, path, SHA256, wait=lambda _: None)
    assert path.read_bytes() == CONTENT


def test_a_later_process_resumes(server: LocalServer, url: str, path: Path) -> None:
    server.breaks = [300_000, 0, 0]
    with pytest.raises(DataError, match="connection broke after 300,000 of 1,000,000 bytes, after 2 attempts"):
        download(url, path, tries=2, wait=lambda _: None)
    assert leftovers(path) == {"set.gz.part", "set.gz.part.tag"}
    server.asked.clear()
    server.breaks.clear()
    download(url, path, SHA256, wait=never)
    assert path.read_bytes() == CONTENT
    assert server.asked == [("/set.gz", "bytes=300000-")]


def test_a_part_of_a_file_that_has_changed_is_not_used(server: LocalServer, url: str, path: Path) -> None:
    server.breaks = [300_000, 0]
    with pytest.raises(DataError, match="connection broke"):
        download(url, path, tries=2, wait=lambda _: None)
    server.files["/set.gz"] = changed = CONTENT[::-1]
    server.breaks = []
    download(url, path, wait=never)
    assert path.read_bytes() == changed


def test_a_part_that_is_whole_is_taken(server: LocalServer, url: str, path: Path) -> None:
    server.breaks = [300_000, 0]
    with pytest.raises(DataError, match="connection broke"):
        download(url, path, tries=2, wait=lambda _: None)
    path.with_name("set.gz.part").write_bytes(CONTENT)
    download(url, path, SHA256, wait=never)
    assert path.read_bytes() == CONTENT


def test_a_wrong_checksum_throws_the_file_away(url: str, path: Path) -> None:
    with pytest.raises(
        DataError, match=f"checksum of {url} is wrong.*Expected: sha256=00.*Received: sha256={SHA256}"
    ):
        download(url, path, "00")
    assert leftovers(path) == set()


def test_a_busy_server_is_asked_again_with_growing_pauses(server: LocalServer, url: str, path: Path) -> None:
    server.statuses = [503, 429, 500]
    waits: list[float] = []
    download(url, path, SHA256, wait=waits.append)
    assert waits == [1.0, 2.0, 4.0]


def test_a_server_that_stays_busy_is_given_up(server: LocalServer, url: str, path: Path) -> None:
    server.statuses = [503] * 5
    with pytest.raises(
        DataError, match=r"Cannot download .*answers 503 .*, after 5 attempts.*put the file there by hand"
    ):
        download(url, path, wait=lambda _: None)


def test_a_missing_file_is_an_error_at_once(server: LocalServer, path: Path) -> None:
    with pytest.raises(
        DataError, match=r"the server answers 404 .*Check the url, or put the file into .*new by hand"
    ):
        download(f"{server.url}/other", path, wait=never)


def test_no_server_is_an_error_after_a_few_attempts(path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(DataError, match="Connection refused, after 3 attempts"):
            download(f"http://127.0.0.1:{port}/x", path, tries=3, wait=lambda _: None)


def test_other_schemes_are_refused(path: Path) -> None:
    with pytest.raises(
        DataError, match=r"must begin with http:// or https://. Received: url='file:///etc/passwd'"
    ):
        download("file:///etc/passwd", path)


def test_a_directory_that_cannot_be_written_is_named(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"Cannot write .*file/set.gz, which is to be downloaded from http"):
        download(url, tmp_path / "file" / "set.gz")


def test_two_at_once_download_once(server: LocalServer, url: str, path: Path) -> None:
    threads = [threading.Thread(target=download, args=(url, path, SHA256)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_the_log_says_how_far_it_is(url: str, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="akid"):
        download(url, path)
    assert caplog.messages[0] == "downloading set.gz (1,000,000 bytes)"
    assert caplog.messages[-1] == "set.gz: 100 %"


def test_a_terminal_sees_a_bar(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    download(url, path.with_name("[b]{0.5}.gz"))
    assert "[b]{0.5}.gz" in re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
