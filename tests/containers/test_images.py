"""The images, built and run: how large they are, what is in them, and that they need neither root nor a disk."""

from __future__ import annotations

import json
import re
import tarfile
import zlib
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from containers.running import ROOT, Archive, Rootfs, built, unpacked

import akid

pytestmark = pytest.mark.e2e
MB = 1_000_000
IMPORT = "import time; t = time.perf_counter(); import tensorflow; print(time.perf_counter() - t)"
SCRIPT = """
from akid import DigitsSource, Kid, Sensor
from akid.models.brains import MLP

def setup():
    print("first process:", open("/proc/1/cmdline").read().replace("\\0", " "))
    print("resident kB:", next(l.split()[1] for l in open("/proc/1/status") if l.startswith("VmRSS")))
    return Kid(Sensor(DigitsSource()), MLP(hidden=[16]), max_steps=5)
"""


class Archives(dict[str, Archive]):
    """Images by name, each built when it is first asked for."""

    def __missing__(self, name: str) -> Archive:
        self.update(built(name))
        return self[name]


@pytest.fixture(scope="session")
def archives() -> Archives:
    return Archives()


@pytest.fixture(scope="session")
def rootfs(archives: Archives, tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[[str], Rootfs]]:
    """The files of an image by its name, unpacked once."""
    with ExitStack() as stack:
        made: dict[str, Rootfs] = {}

        def of(name: str) -> Rootfs:
            if name not in made:
                made[name] = stack.enter_context(unpacked(archives[name].source, tmp_path_factory.mktemp(name)))
            return made[name]

        yield of


@pytest.fixture
def writable(tmp_path: Path) -> Path:
    """A directory that the images' user may write to."""
    tmp_path.chmod(0o777)
    return tmp_path


def layers(archive: Path) -> dict[str, int]:
    """The size of each layer of an archive, uncompressed, by its digest."""
    with tarfile.open(archive) as tar:
        (manifest,) = json.load(tar.extractfile("manifest.json"))
        config = json.load(tar.extractfile(manifest["Config"]))
        sizes = [tar.getmember(name).size for name in manifest["Layers"]]
    return dict(zip(config["rootfs"]["diff_ids"], sizes, strict=True))


def compressed(archive: Path) -> int:
    """The size of its layers as a registry has them."""
    total = 0
    with tarfile.open(archive) as tar:
        (manifest,) = json.load(tar.extractfile("manifest.json"))
        for name in manifest["Layers"]:
            layer, gzip = tar.extractfile(name), zlib.compressobj(wbits=31)
            while chunk := layer.read(MB):
                total += len(gzip.compress(chunk))
            total += len(gzip.flush())
    return total


def names_in(requirements: str) -> set[str]:
    text = (ROOT / "images" / requirements).read_text()
    return set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))


def test_the_trainer_is_small(archives: Archives) -> None:
    trainer = archives["trainer"]
    assert sum(layers(trainer.path).values()) <= 1080 * MB
    assert compressed(trainer.path) <= 340 * MB


def test_the_operator_is_small_and_shares_its_base(archives: Archives) -> None:
    trainer, operator = layers(archives["trainer"].path), layers(archives["operator"].path)
    base = next(iter(trainer))
    assert base == next(iter(operator))
    assert sum(operator.values()) - operator[base] <= 150 * MB


def test_a_researcher_s_image_adds_its_own_layer_only(archives: Archives) -> None:
    trainer, example = layers(archives["trainer"].path), layers(archives["example"].path)
    assert list(example)[: len(trainer)] == list(trainer)
    assert sum(example.values()) - sum(trainer.values()) < MB


def test_akid_s_own_code_is_the_top_layer(archives: Archives) -> None:
    *_, top = layers(archives["trainer"].path).values()
    assert top <= 10 * MB


@pytest.mark.parametrize("name", ["trainer", "operator"])
def test_an_image_is_labelled_and_names_its_user_by_number(rootfs: Callable[[str], Rootfs], name: str) -> None:
    config = rootfs(name).config
    assert config["Labels"]["org.opencontainers.image.title"] == f"akid-{name}"
    assert config["Labels"]["org.opencontainers.image.version"] == akid.__version__
    assert config["User"] == "10001:10001"


@pytest.mark.parametrize(
    ("name", "requirements", "own"),
    [
        ("trainer", "trainer/requirements-cpu.txt", {"akid"}),
        ("operator", "operator/requirements.txt", {"akid", "akid-operator"}),
    ],
    ids=["trainer", "operator"],
)
def test_an_image_has_what_is_locked_for_it_and_no_installer(
    rootfs: Callable[[str], Rootfs], name: str, requirements: str, own: set[str]
) -> None:
    code = "import importlib.metadata as m; print(*(d.name.lower().replace('_', '-') for d in m.distributions()))"
    done = rootfs(name).run("-c", code, entrypoint=["python"])
    assert done.returncode == 0, done.stderr
    there = set(done.stdout.split())
    assert own <= there <= names_in(requirements) | own
    assert not list((rootfs(name).path / "opt/venv").glob("bin/pip*"))


@pytest.mark.parametrize("name", ["trainer", "operator"])
def test_every_module_is_compiled(rootfs: Callable[[str], Rootfs], name: str) -> None:
    (packages,) = (rootfs(name).path / "opt/venv/lib").glob("python3*/site-packages")
    sources = list(packages.rglob("*.py"))
    missing = [file for file in sources if not list((file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"))]
    assert len(sources) > 100
    assert missing == []


def test_what_is_compiled_is_used(rootfs: Callable[[str], Rootfs]) -> None:
    """Interleaved, so that both are disturbed alike by whatever else runs."""
    trainer = rootfs("trainer")
    ways = {"compiled": (), "not": ("PYTHONPYCACHEPREFIX=/none",)}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(2):
        for way, env in ways.items():
            done = trainer.run("-c", IMPORT, entrypoint=["python"], env=env)
            seconds[way].append(float(done.stdout))
    assert min(seconds["compiled"]) <= 0.7 * min(seconds["not"]), seconds


def test_the_trainer_trains_on_a_read_only_root_under_a_small_supervisor(
    rootfs: Callable[[str], Rootfs], writable: Path
) -> None:
    job = {"apiVersion": "akid.dev/v1alpha1", "kind": "AkidJob", "metadata": {"name": "small"}}
    (writable / "job.yaml").write_text(yaml.safe_dump({**job, "spec": {"kid": {"script": SCRIPT}}}))
    env = ["AKID_KID=/log/job.yaml", "AKID_LOG_DIR=/log/run", "AKID_JOB_NAME=small"]
    done = rootfs("trainer").run(*rootfs("trainer").config["Cmd"], env=env, mounts=[f"{writable}:/log"])
    assert done.returncode == 0, done.stderr
    assert json.loads((writable / "run/result.json").read_text())["step"] == 5
    assert re.search(r"first process: \S*python\S* \S*akid train", done.stdout), done.stdout
    (resident,) = re.findall(r"resident kB: (\d+)", done.stdout)
    assert int(resident) <= 25 * 1024


def test_a_manifest_is_validated_in_the_trainer(rootfs: Callable[[str], Rootfs]) -> None:
    jobs = [f"{ROOT / 'examples/jobs'}:/mnt"]
    done = rootfs("trainer").run("validate", "/mnt/digits.yaml", mounts=jobs)
    assert (done.returncode, done.stdout) == (0, "/mnt/digits.yaml: valid\n"), done.stderr
    assert rootfs("trainer").run("--version").stdout == f"akid {akid.__version__}\n"


def test_a_researcher_s_own_image_trains_its_own_module(rootfs: Callable[[str], Rootfs], writable: Path) -> None:
    example = ROOT / "images/example"
    mounts = [f"{example}:/mnt", f"{writable}:/log"]
    few = ["--set", "spec.kid.max_steps=2", "--log-dir", "/log/run"]
    done = rootfs("example").run("run", "/mnt/job.yaml", *few, mounts=mounts)
    assert done.returncode == 0, done.stderr
    assert "excitation: step 2, validation loss " in done.stdout


def test_the_operator_starts_without_tensorflow(rootfs: Callable[[str], Rootfs]) -> None:
    operator = rootfs("operator")
    assert operator.run("--help").returncode == 0
    code = "import akid_operator.__main__, sys; print('tensorflow' in sys.modules)"
    assert operator.run("-c", code, entrypoint=["python"]).stdout == "False\n"
    assert operator.run("-c", "import tensorflow", entrypoint=["python"]).returncode == 1


def test_the_node_driver_has_the_client_of_glusterfs(tmp_path: Path) -> None:
    image = built("gluster-csi")["gluster-csi"]
    *_, top = layers(image.path).values()
    assert top < MB
    with unpacked(image.source, tmp_path) as driver:
        assert driver.run("--help").stdout.startswith("usage: ")
        assert driver.run("--version", entrypoint=["glusterfs"]).stdout.startswith("glusterfs ")
