"""What `akid` exports, and what importing it costs."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

import akid


def loaded_by(statement: str) -> set[str]:
    """The modules in a fresh process after a statement."""
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import akid",
        "import akid.job",
        "from akid import job",
        "import akid.cli",
        "from akid.errors import AkidError",
        "import akid\ntry: akid._nothing\nexcept AttributeError: pass",
    ],
)
def test_no_tensorflow_is_loaded_by(statement):
    assert not loaded_by(statement) & {"tensorflow", "keras", "kopf", "kubernetes"}


def test_the_models_of_a_job_load_only_the_errors_of_akid():
    modules = {m for m in loaded_by("import akid.job") if m.split(".")[0] == "akid"}
    assert {m for m in modules if not m.startswith("akid.job")} == {"akid", "akid.errors"}


@pytest.mark.parametrize("name", sorted(akid._MODULE_OF))
def test_a_public_name_resolves(name):
    value = getattr(akid, name)
    if inspect.isclass(value):
        assert value.__name__ == name


def test_a_star_imports_every_public_name_whatever_was_loaded_before():
    names: dict[str, object] = {}
    exec("from akid import *", names)
    assert set(names) - {"__builtins__"} == set(akid.__all__)
    assert {"Kid", "Brain", "Sensor", "SGDKongFu", "BlockError", "DigitsSource", "cnn_block"} <= set(names)
    assert not {"importlib", "annotations", "TYPE_CHECKING", "Any"} & set(names)


@pytest.mark.parametrize("package", akid._PACKAGES)
def test_every_name_of_a_package_is_public(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(akid, name) is getattr(module, name)


@pytest.mark.parametrize("package", akid._PACKAGES)
def test_a_package_exports_every_class_it_defines(package):
    module = importlib.import_module(package)
    classes = {n for n, v in vars(module).items() if inspect.isclass(v) and v.__module__.startswith(package)}
    assert {n for n in classes if not n.startswith("_")} <= set(module.__all__)


#: The paper's classes: where they are, and what they are a kind of.
PAPER = {
    "Brain": ("akid.blocks", "Block"),
    "Engine": ("akid.engines", "Engine"),
    "FeedSensor": ("akid.sensors", "Sensor"),
    "Joker": ("akid.jokers", "Block"),
    "Kid": ("akid.kids", "Kid"),
    "KongFu": ("akid.kongfus", "KongFu"),
    "LearningRateScheme": ("akid.lr_schemes", "LearningRateScheme"),
    "MNISTFeedSource": ("akid.sources", "Source"),
    "MomentumKongFu": ("akid.kongfus", "KongFu"),
    "Sensor": ("akid.sensors", "Sensor"),
    "Source": ("akid.sources", "Source"),
}


@pytest.mark.parametrize("name", PAPER)
def test_a_name_of_the_paper_is_the_class_of_that_name(name):
    package, base = PAPER[name]
    value = getattr(akid, name)
    assert value is getattr(importlib.import_module(package), name)
    assert value.__module__.startswith(f"{package}.")
    assert issubclass(value, getattr(akid, base))


def test_the_paper_s_sugar_gives_blocks():
    row = akid.cnn_block(ksize=[3, 3], out_channel_num=4)
    assert len(row) > 1
    assert all(isinstance(block, akid.Block) for block in row)


def test_type_checkers_see_the_same_names():
    source = inspect.getsource(akid)
    block = source[source.index("if TYPE_CHECKING:") : source.index("__version__")]
    explicit = {
        f"{line.split()[1]} {name.strip()}"
        for line in block.splitlines()
        if " import " in line
        for name in line.split(" import ")[1].split(",")
    }
    expected = {f"{module} {name}" for name, module in akid._MODULE_OF.items()}
    assert explicit == expected | {f"{package} *" for package in akid._PACKAGES}


def test_a_misspelt_name_gets_a_hint():
    with pytest.raises(AttributeError, match=r"^akid has no 'Kidd'\. Did you mean 'Kid'\?$"):
        akid.Kidd  # noqa: B018


def test_subpackages_are_reached_by_name():
    assert akid.layers is importlib.import_module("akid.layers")


def test_dir_lists_the_public_names():
    assert {"Kid", "DigitsSource", "AkidError", "MomentumKongFu"} <= set(dir(akid))
