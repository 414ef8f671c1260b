"""The frame of a Kid in a manifest: which of its three forms it has. Its blocks are checked elsewhere.

The names are the Python ones (snake_case); what stands under a block, a source or a KongFu is its arguments.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from akid.job.api.base import OpenModel, one_of, refuse

# A class, or a template of one: which network or KongFu is best is a question for a tuning.
PythonName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^([A-Za-z_][A-Za-z0-9_.]*|\{\{.+\}\})$")]
MODULE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(:[A-Za-z_][A-Za-z0-9_]*)?$"
DECLARATIVE = ("sensor", "brain", "kongfu")


class Typed(OpenModel):
    """An object of Python: its type's name and its arguments."""

    type: PythonName = Field(description="Name of the Python class, e.g. ConvolutionLayer.")


class Block(Typed):
    """A block of a brain."""

    name: str | None = Field(
        default=None, max_length=128, description="The block's name; by default made from its type."
    )


class Brain(OpenModel):
    """A brain: a ready one by its type, or a list of blocks."""

    type: PythonName | None = Field(default=None, description="Name of the brain's class, e.g. LeNet.")
    blocks: list[Block] | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="The blocks, attached in this order.",
    )

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        refuse((self.type is None and self.blocks is None, "", "expected type or blocks, received neither."))
        return self


class Sensor(OpenModel):
    """A sensor: a source, the size of a batch, jokers."""

    type: PythonName | None = Field(
        default=None, description="Name of the sensor's class; by default the one for the source."
    )
    source: Typed = Field(description="Where the data come from, e.g. {type: DigitsSource}.")
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=2**31 - 1,
        description="Examples in a global batch (over all workers).",
    )
    jokers: list[Typed] | None = Field(
        default=None, max_length=100, description="What is done to a batch, in this order."
    )


class Kid(OpenModel):
    """A Kid: sensor, brain and KongFu; or a script; or a module. Further keys are Kid's arguments."""

    sensor: Sensor | None = Field(default=None, description="Declarative form: where the batches come from.")
    brain: Brain | None = Field(default=None, description="Declarative form: the network.")
    kongfu: Typed | None = Field(
        default=None,
        description="Declarative form: how the brain learns, e.g. {type: MomentumKongFu}.",
    )
    script: str | None = Field(
        default=None,
        min_length=1,
        max_length=500_000,
        description=(
            "A Python script with a function setup() that returns a Kid; "
            "a jinja2 template that is rendered with params."
        ),
    )
    module: str | None = Field(
        default=None,
        max_length=256,
        pattern=MODULE,
        description="package.module:function in the image; the function (default setup) returns a Kid.",
    )
    params: dict[str, Any] | None = Field(
        default=None,
        description=(
            "Values for the templates in a script or in the texts of a declarative kid, "
            "or the arguments of a module's function."
        ),
    )
    max_steps: int | None = Field(
        default=None,
        ge=1,
        le=2**53,
        description="Train this many steps (batches). Excludes max_epoch.",
    )
    max_epoch: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="Train this many epochs. Excludes max_steps."
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        declared = [name for name in DECLARATIVE if getattr(self, name) is not None]
        forms = {"sensor + brain + kongfu": declared or None, "script": self.script, "module": self.module}
        wrong_form, path, text = one_of(forms)
        none = not any(forms.values())
        text += self._misspelt([*DECLARATIVE, "script", "module"]) if none else ""
        refuse(
            (wrong_form, path, text),
            *((bool(declared) and not wrong_form and name not in declared, name,
               "required field is missing." + self._misspelt([name])) for name in DECLARATIVE),
            (None not in (self.max_steps, self.max_epoch), "max_epoch",
             "expected max_steps or max_epoch, received both."),
        )  # fmt: skip
        return self

    def _misspelt(self, names: Sequence[str]) -> str:
        """A hint if an unknown key looks like one of the names."""
        for key in self.model_extra or {}:
            if difflib.get_close_matches(key, names, n=1):
                return f" Is {key!r} a misspelling?"
        return ""

    def arguments(self) -> dict[str, Any]:
        """The kid as it was written, as plain dicts and lists."""
        return self.model_dump(exclude_unset=True)
