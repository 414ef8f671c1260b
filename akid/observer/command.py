"""What ``akid observe`` does: all pictures that can be made of a run, or those asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from akid.errors import AkidError, DataError, StorageError
from akid.kids.kid import Kid
from akid.observer.canvas import Pictures
from akid.observer.observer import Observer

#: What can be asked for, in the order in which it is made, and what makes it.
PARTS: dict[str, Callable[[Observer], Pictures]] = {
    "filters": Observer.visualize_filters,
    "activations": Observer.visualize_activation,
    "classifying": Observer.visualize_classifying,
    "stats": Observer.do_stat_on_filters,
    "sparsity": Observer.plot_sparsity,
    "distributions": Observer.plot_distributions,
    "scalars": Observer.plot_scalars,
    "graph": Observer.visualize_graph,
}


def observe(kid: Kid, parts: Sequence[str] = (), output: Path | None = None) -> Iterator[str]:
    """Make pictures; gives lines that tell of them.

    Args:
        kid: built, with what it learnt.
        parts: of `PARTS`; if left out all that apply, and of the others a line says why not.
        output: where to; ``visualization/`` in the run directory if left out.

    Raises:
        AkidError: matplotlib is not installed, or a part that was asked for does not apply.
        DataError: no part applies.
        StorageError: a picture cannot be written.
    """
    observer = Observer(kid, output)
    left_out: list[str] = []
    for part in parts or PARTS:
        try:
            made = PARTS[part](observer)
        except AkidError as error:
            if parts or isinstance(error, StorageError):
                raise
            left_out.append(f"{part}: left out. {error}")
            yield left_out[-1]
            continue
        yield f"{part}: {', '.join(str(path.relative_to(observer.output)) for path in made.paths)}"
        if part == "stats":
            yield str(made)
    if len(left_out) == len(PARTS):
        raise DataError("Nothing can be shown of this run.")
    yield f"pictures: {observer.output}"
