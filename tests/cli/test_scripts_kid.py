"""Kids in Python: scripts that are templates, modules, and what may be wrong with them."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from akid.errors import InvalidSpecError, UserCodeError
from akid.job import parse
from akid.manifests.runs import kid_of_job
from akid.manifests.scripts import kid_of_module, kid_of_script, render

KID = """\
from akid import Brain, DigitsSource, Kid, Sensor
from akid.layers import InnerProductLayer

def setup():
    return Kid(Sensor(DigitsSource()), Brain().attach(InnerProductLayer(10)), max_steps=1)
"""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("relu", "'relu'"),
        ("it's {{ }}", '"it\'s {{ }}"'),
        (True, "True"),
        (None, "None"),
        (1e-3, "0.001"),
        ({"type": "maxout", "group_size": 2}, "{'type': 'maxout', 'group_size': 2}"),
    ],
)
def test_params_are_filled_in_as_python_literals(value, text):
    assert render("x = {{ net_paras['a'] }}", {"net_paras": {"a": value}}) == f"x = {text}"


def test_a_template_may_loop():
    assert render("{% for n in widths %}ip({{ n }})\n{% endfor %}", {"widths": [1, 2]}) == "ip(1)\nip(2)\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\n{{ width }}", "line 2: 'width' is undefined. Given params: net_paras."),
        ("a\n\n{{ net_paras['b'] }}", "line 3: 'dict object' has no attribute 'b'. Given params: net_paras."),
        ("{{ 1 + }}", "line 1: the template is wrong: "),
        ("a\n{{ 1 // 0 }}", "line 2: ZeroDivisionError: integer division or modulo by zero."),
        ("{{ net_paras.a + 'x' }}", "line 1: TypeError: unsupported operand"),
    ],
)
def test_a_template_that_cannot_be_filled_in_names_the_line(source, message):
    with pytest.raises(InvalidSpecError, match=f"^spec.kid.script: {re.escape(message)}"):
        render(source, {"net_paras": {"a": 1}})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = (1\n", "line 1: '(' was never closed: 'x = (1'."),
        ("x = '\0'", "source code string cannot contain null bytes"),
        ("x = 1", "expected a function setup() that returns a Kid; there is none."),
        ("def set_up(): pass", "there is none. Did you mean 'set_up'?"),
        ("setup = 3", "expected a function setup() that returns a Kid; there is none."),
        ("def setup(): pass", "to return a Kid, received None. Does setup() end with `return kid`?"),
        ("def setup(): return 3", "expected setup() to return a Kid, received 3."),
        ("def setup(lr): pass", "setup() takes no arguments, since values are filled into the script: missing a"),
        ("from akid.layers import ReLU", "ImportError: cannot import name 'ReLU'"),
        (
            "from akid.layers import *\n\ndef setup():\n    return PoolingLayer(0)\n",
            "line 4: pool: ksize must be an integer, [height, width] or [1, height, width, 1], each >= 1.",
        ),
    ],
)
def test_a_script_that_makes_no_kid(source, message):
    with pytest.raises((InvalidSpecError, UserCodeError), match=re.escape(message)) as error:
        kid_of_script(source)
    assert str(error.value).startswith("spec.kid.script: ")


def test_a_script_makes_a_kid():
    assert kid_of_script(KID).brain.blocks[0].name == "ip1"


def test_the_setup_of_the_paper_takes_a_graph_that_is_none():
    assert kid_of_script(KID.replace("setup():", "setup(graph):\n    assert graph is None")).max_steps == 1


def test_an_exception_of_the_user_is_the_cause():
    with pytest.raises(UserCodeError, match=r"^spec\.kid\.script: KeyError: 'b'$") as error:
        kid_of_script("def setup():\n    return {}['b']")
    assert isinstance(error.value.__cause__, KeyError)


@pytest.fixture
def module(tmp_path, monkeypatch) -> str:
    """A package with a module in the current directory."""
    (tmp_path / "lab_of_a_test").mkdir()
    (tmp_path / "lab_of_a_test" / "__init__.py").touch()
    code = KID.replace("setup()", "setup(width=10)") + textwrap.dedent("""
        def needs(width, depth): pass
        def wrong():
            return InnerProductLayer(0)
        """)
    (tmp_path / "lab_of_a_test" / "kids.py").write_text(code)
    (tmp_path / "lab_of_a_test" / "broken.py").write_text("import no_such_package_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "lab_of_a_test.kids"


def test_a_module_makes_a_kid_with_setup_or_what_is_named(module):
    assert kid_of_module(module, {}).max_steps == 1
    assert kid_of_module(f"{module}:setup", {"width": 3}).max_steps == 1


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        (".kid", {}, "module: there is no module 'lab_of_a_test.kid' in the current directory"),
        (".broken", {}, "module: ModuleNotFoundError: No module named 'no_such_package_at_all'"),
        (".kids:setpu", {}, "module: expected a function setpu() that returns a Kid; there is none. Did you mean"),
        (".kids", {"widht": 3}, "params: setup(): got an unexpected keyword argument 'widht'."),
        (".kids:needs", {"width": 3}, "params: needs(): missing a required argument: 'depth'."),
        (".kids:wrong", {}, "module: line 9: ip: out_channel_num must be an integer >= 1."),
    ],
)
def test_a_module_that_makes_no_kid(module, name, params, message):
    with pytest.raises((InvalidSpecError, UserCodeError)) as error:
        kid_of_module(f"lab_of_a_test{name}", params)
    assert str(error.value).startswith(f"spec.kid.{message}")


def job(**kid: Any) -> Any:
    return parse(
        {
            "apiVersion": "akid.dev/v1alpha1",
            "kind": "AkidJob",
            "metadata": {"name": "a"},
            "spec": {"kid": kid},
        }
    )


def test_a_manifest_s_length_wins_over_the_script_s():
    kid = kid_of_job(job(script=KID, max_epoch=3)).kid
    assert (kid.max_steps, kid.max_epoch) == (None, 3)


def test_a_script_takes_no_further_fields():
    with pytest.raises(InvalidSpecError) as error:
        kid_of_job(job(script=KID, max_step=3))
    assert str(error.value) == (
        "spec.kid.max_step: a kid in Python has no such field; it is said in Python. Did you mean 'max_steps'?"
    )
