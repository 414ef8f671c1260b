"""Holder: the part of a block that holds variables and blocks: names, inner blocks, variables by name, copies."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from akid.backend import tf
from akid.blocks.inner import free_name, held, learners, learnt_by, name_of, once, replaced
from akid.blocks.merging import Merge, merge_of
from akid.errors import BlockError

Constraint = Callable[[tf.Tensor], tf.Tensor]


class Holder(tf.Module):
    """Holds variables, and blocks in its attributes.

    Args:
        name: of the block; None for one that is named by what holds it.
        stem: its name until then.

    Attributes:
        named: whether its user gave it its name.
        placed: whether what holds it did.
        built: whether its variables are made.
        own_variables: those made by `akid.blocks.block.Block.variable`, by name.
        merges: how replicas' copies of a variable that is not learnt become one, by its name.
        constraints: what brings a variable back into its allowed set, by its name.
    """

    def __init__(self, name: str | None, stem: str) -> None:
        super().__init__(name=None)
        self.named, self.placed = name is not None, False
        self._block_name = name or stem
        self.built = False
        self.own_variables: dict[str, tf.Variable] = {}
        self.constraints: dict[str, Constraint] = {}
        self.merges: dict[str, Merge] = {}

    @property
    def name(self) -> str:
        """The block's name, unique in its system."""
        return self._block_name

    def rename(self, name: str) -> None:
        """Give an unnamed block its name; a system it is attached to does so, or a block that holds it."""
        self._block_name = name
        self.placed = True

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, Holder):
            self.inner_blocks()  # so that it has its name from the start

    def inner_blocks(self) -> list[Holder]:
        """The blocks it holds in attributes, and in lists, tuples and dicts there, each once; those without names
        are given some.

        Raises:
            BlockError: two were given the same name.
        """
        found = list(held(self, Holder))
        taken: set[str] = set()
        for place, block in found:
            if block.named and block.name in taken:
                raise BlockError(
                    f"{self.name!r} holds two blocks called {block.name!r}; names must be unique in a block."
                    f" Received: name={block.name!r} in {place!r}"
                )
            taken |= {block.name} if block.named else set()
        for place, block in found:
            if block.named:
                continue
            if not block.placed or block.name in taken:
                block.rename(free_name(name_of(place), taken))
            taken.add(block.name)
        return [block for _, block in found]

    def named_blocks(self, prefix: str = "", above: frozenset[int] = frozenset()) -> Iterator[tuple[str, Holder]]:
        """``(full name, block)`` of every block inside of it, nested ones after the one they are in.

        Args:
            prefix: of the full names.
            above: identities of the blocks around it; one that it refers to is not inside of it.
        """
        above |= {id(self)}
        for block in self.inner_blocks():
            if id(block) not in above:
                yield prefix + block.name, block
                yield from block.named_blocks(f"{prefix}{block.name}/", above)

    def constrain(self) -> None:
        """Bring every constrained variable, of inner blocks too, back into its allowed set; after an update."""
        done: set[int] = set()
        for block in (self, *(block for _, block in self.named_blocks())):
            for name, constraint in block.constraints.items():
                variable = block.own_variables[name]
                if id(variable) not in done:
                    done.add(id(variable))
                    variable.assign(constraint(variable.value()))

    def named_variables(self) -> dict[str, tf.Variable]:
        """Every variable by its name in this block, those of inner blocks by ``<inner>/<name>``.

        One that is shared, as `copy` does, has several names.

        Raises:
            BlockError: two variables have one name.
        """
        found: dict[str, tf.Variable] = {}
        for prefix, block in (("", self), *((f"{name}/", block) for name, block in self.named_blocks())):
            for name, variable in block._all_own_variables().items():
                if found.setdefault(prefix + name, variable) is not variable:
                    raise BlockError(f"{self.name!r} has two variables called {prefix + name!r}; rename one.")
        return found

    def state(self) -> list[tuple[tf.Variable, Merge]]:
        """Every variable that is not learnt, once, and how the copies of replicas merge."""
        found: dict[int, tuple[tf.Variable, Merge]] = {}
        for block in (self, *(block for _, block in self.named_blocks())):
            for name, variable in block._all_own_variables().items():
                if not variable.trainable:
                    merge = block.merges.get(name) or merge_of(None, variable.dtype)
                    found.setdefault(id(variable), (variable, merge))
        return list(found.values())

    def _all_own_variables(self) -> dict[str, tf.Variable]:
        """Those made by `variable`, and those that stand in an attribute of their own making."""
        own = {id(variable) for variable in self.own_variables.values()}
        bare = {name_of(place): v for place, v in held(self, tf.Variable) if id(v) not in own}
        return {**self.own_variables, **bare}

    @property
    def parameters(self) -> dict[str, tf.Variable]:
        """The trainable variables by full name; each once, one that is shared by the first of its names."""
        learnt = {n: v for n, v in self.named_variables().items() if v.trainable and v.dtype.is_floating}
        return once(learnt)

    @property
    def num_parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(int(v.shape.num_elements() or 0) for v in self.parameters.values())

    def check_found(self, made: Mapping[str, tf.Variable]) -> None:
        """See that everything that can be learnt is among `named_variables`.

        Args:
            made: the variables made in the first passage, by full name.

        Raises:
            BlockError: something is not; it would be neither trained nor saved.
        """
        known = {id(variable) for variable in self.named_variables().values()}
        lost = [name for name, variable in made.items() if id(variable) not in known]
        if lost:
            raise BlockError(
                f"{lost[0]!r} would be neither trained nor saved: its block ran in another that does not hold it."
                " Keep inner blocks in attributes, or in lists, tuples or dicts there."
            )
        for name, block in (("", self), *self.named_blocks()):
            for place, learner in learners(block):
                if not isinstance(learner, Holder) and any(id(v) not in known for v in learnt_by(learner)):
                    raise BlockError(
                        f"{name or self.name!r}: what {type(learner).__name__} in {place!r} has to learn would be"
                        " neither trained nor saved. Wrap a Keras layer in a KerasLayer; make variables by"
                        " self.variable()."
                    )

    def copy(self) -> Self:
        """Another block with the same variables: what one learns the other knows.

        Raises:
            BlockError: there are no variables yet, so the two would make their own.
        """
        if not self.built:
            raise BlockError(
                f"{self.name!r} has no variables to share yet; send a signal through it before copy()."
            )
        return self._twin({})

    def _twin(self, twins: dict[int, Holder]) -> Self:
        """A copy with copies of its inner blocks; what no signal has reached is shared as it is, so that whoever
        builds it builds it for both.

        Args:
            twins: the copies made so far, by the identity of their originals.
        """
        twin = copy.copy(self)
        twins[id(self)] = twin

        def by(block: Holder) -> Holder:
            return twins.get(id(block)) or (block._twin(twins) if block.built else block)

        for attribute, value in list(vars(self).items()):
            if attribute.startswith("_self_"):
                # TensorFlow's list of what there is to track changes with the attributes: not the original's.
                vars(twin)[attribute] = copy.copy(value)
        for attribute, value in list(vars(self).items()):
            other = value if attribute.startswith("_self_") else replaced(value, Holder, by)
            if other is not value:
                setattr(twin, attribute, other)
        return twin

    def clone(self) -> Self:
        """Another block with variables of its own, which start with this block's values."""
        return copy.deepcopy(self)
