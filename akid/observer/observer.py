"""Observer: looks into a Kid (paper, section 3.2.2)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akid.blocks.trip import Trip
from akid.checks import Check, optional
from akid.errors import DataError, near_match
from akid.inference.predictor import predictor_of
from akid.kids.kid import Kid
from akid.observer import classifying, curves, synapses
from akid.observer.activations import DATA, activation_pictures, signals_of
from akid.observer.canvas import Pictures, check_matplotlib
from akid.observer.graph.drawing import graph_picture
from akid.observer.graph.structure import structure_of_kid
from akid.pictures.filters import FilterStatistics
from akid.pictures.tiles import Layout
from akid.runs.event_files import Recorded, read_events
from akid.runs.run_dir import RunDir


@dataclass(frozen=True)
class FilterReport(Pictures):
    """Pictures of the norms of filters, and the numbers.

    Attributes:
        rows: a layer each.
    """

    rows: tuple[FilterStatistics, ...]

    def __str__(self) -> str:
        return synapses.table(self.rows)


class Observer:
    """Makes pictures of what a Kid has learnt, and of how it did.

    They go to ``visualization/`` in the run directory as PNG files, and are returned with matplotlib's figures.
    No display is needed, and pyplot's state is left alone. Of a Kid that keeps a moving average of its parameters
    that average is shown.

    Args:
        kid: one that is not set up yet is, with the newest checkpoint of its run directory; see `Kid.setup`.
        output: another directory for the pictures.

    Raises:
        AkidError: matplotlib is not installed, or the Kid is none.
    """

    def __init__(self, kid: Kid, output: str | os.PathLike[str] | None = None) -> None:
        check_matplotlib()
        self.kid = Check("Observer").instance("kid", kid, Kid)
        given = optional(Check("Observer").path, "output", output)
        self.output = Path(given) if given else RunDir(kid.log_dir).visualization
        if not kid.brain.built:
            kid.setup()

    def visualize_filters(
        self, layers: Sequence[str] | None = None, layout: str | Mapping[str, Any] | Layout = "dynamic"
    ) -> Pictures:
        """The weights and the biases of every synapse layer (paper, Fig. 8): ``<layer>_filters``.

        Each layer has a scale of its own, symmetric around zero; the line behind a filter is its bias. An inner
        product of feature maps is shown as filters of these maps, one of a flat signal as squares.

        Args:
            layers: full names; all if left out.
            layout: ``dynamic``, ``square``, or ``{"type": "normal" | "inverse", "num": filters}``; see `Layout`.

        Raises:
            AkidError: there is no such layer or layout, with a near match.
        """
        chosen = Layout.of(layout)
        found = self._synapses(layers)
        return Pictures(tuple(synapses.filters_picture(synapse, chosen, self.output) for synapse in found))

    def do_stat_on_filters(self, layers: Sequence[str] | None = None) -> FilterReport:
        """Norms of the filters of every synapse layer, and how many are dead: ``filter_norms``.

        Args:
            layers: full names; all if left out.

        Returns:
            The pictures, and ``rows`` of `FilterStatistics`; printed, it is a table.
        """
        rows = synapses.statistics(self._synapses(layers))
        return FilterReport(tuple(synapses.norms_pictures(rows, self.output)), rows)

    def visualize_activation(
        self, example: int = 0, split: str = "train", blocks: Sequence[str] | None = None
    ) -> Pictures:
        """What every block gives for one example (paper, Fig. 7): ``activations`` and ``<block>_activation``.

        Args:
            example: its number in the first batch of the split.
            split: ``train``, ``val`` or ``test``.
            blocks: full names; all if left out.

        Raises:
            KeyError: there is no such block; with a near match.
            DataError: the data are missing, or have no such example.
        """
        kid, number = self.kid, Check("Observer", DataError).integer("example", example, least=0)
        for name in blocks or ():
            kid.brain.block(name)
        batch = self._batch(0, split)
        if number >= len(batch[0]):
            raise DataError(
                f"The first batch of {split!r} has {len(batch[0])} examples. Received: example={number}"
            )
        trip = Trip(seed=kid.seed, keep=True)
        one = [signal[number : number + 1] for signal in batch]
        with kid.averaged():
            kid.brain(one, trip)
        signals = {DATA: one[0].numpy()[0], **signals_of(kid.brain, trip.data, blocks)}
        return Pictures(tuple(activation_pictures(signals, self.output)))

    def visualize_classifying(
        self,
        name: str | None = None,
        idxs: Sequence[int] | None = None,
        split: str = "val",
        mistakes: bool = False,
        classes: Sequence[str] | None = None,
        most: int = 24,
    ) -> Pictures:
        """Images with what they were taken for, and what they are: ``<output>_classifying``.

        Args:
            name: full name of the output, such as ``loss``; may be left out if there is one alone.
            idxs: numbers of examples in the split; its first ones if left out.
            split: ``train``, ``val`` or ``test``.
            mistakes: the first that were mistaken instead.
            classes: what the classes are called.
            most: how many images at most, if ``idxs`` does not say.

        Raises:
            AkidError: the brain gives no such output, or the data are no images.
            DataError: the data are missing, or have no such example.
        """
        check, kid = Check("Observer", DataError), self.kid
        count = check.integer("most", most)
        numbers = range(count) if idxs is None else check.integers("idxs", idxs, least=0)
        count = count if idxs is None else len(numbers)
        self._batch(0, split)
        predictor = predictor_of(kid.brain, kid.sensor, kid.seed, raw=False)
        with kid.averaged():
            found = classifying.classify(predictor, kid.sensor, split, name, None if mistakes else numbers, count)
        return Pictures((classifying.classifying_picture(found, classes, self.output),))

    def plot_sparsity(self, blocks: Sequence[str] | None = None) -> Pictures:
        """The fraction of zeros among activations over the steps of the run: ``sparsity``.

        Args:
            blocks: full names; all that had zeros if left out.

        Raises:
            DataError: the run recorded no such thing.
        """
        recorded = self._recorded()
        known = recorded.under("sparsity/")
        for name in blocks or ():
            if name not in known:
                raise DataError(f"The run recorded no sparsity of {name!r}. {near_match(name, known)}")
        found = curves.activation_curves(recorded, blocks)
        if not found:
            raise DataError("No block of this run had activations that are zero, so there is no sparsity to plot.")
        return Pictures((curves.sparsity_picture(found, self.output),))

    def plot_distributions(self) -> Pictures:
        """Percentiles of weights, gradients and activations over the steps of the run (paper, Fig. 5).

        Raises:
            DataError: the run recorded none.
        """
        return Pictures(tuple(curves.distribution_pictures(self._recorded(), self.output)))

    def plot_scalars(self) -> Pictures:
        """Loss, measures, learning rate, regularisation, sparsity and gradient norms (paper, Fig. 6): ``scalars``.

        Raises:
            DataError: the run recorded none.
        """
        recorded = self._recorded()
        sparsity = curves.activation_curves(recorded, None)
        return Pictures((curves.scalars_picture(recorded, sparsity, self.output),))

    def visualize_graph(self, program: str | None = None) -> Pictures:
        """The computation graph (paper, Fig. 4): ``graph``, as PNG, SVG and DOT.

        Nested brains are frames; the wires of labels are dashed and green, those of feedback dashed and red.

        Args:
            program: graphviz's ``dot``; the installed one if left out. Without one matplotlib draws.
        """
        signals = len(self.kid.sensor.signature()) if self.kid.sensor.source.ready else 2
        return Pictures((graph_picture(structure_of_kid(self.kid, signals), self.output, program),))

    def _synapses(self, layers: Sequence[str] | None) -> list[synapses.Synapse]:
        with self.kid.averaged():
            return synapses.synapses_of(self.kid.brain, layers)

    def _batch(self, step: int, split: str) -> list[Any]:
        self.kid.sensor.setup(self.kid.seed)
        return self.kid.sensor.batch(step, split)

    def _recorded(self) -> Recorded:
        directory = RunDir(self.kid.log_dir).events
        recorded = read_events(directory)
        if not recorded.scalars:
            raise DataError(
                f"There are no events in {directory}: nothing was trained there yet, or with do_summary=False."
            )
        return recorded
