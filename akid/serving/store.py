"""The versions of a model in memory; a new one takes over from an old one between two requests."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from akid.errors import AkidError
from akid.manifests.runs import export_run
from akid.serving.model import Model
from akid.serving.refusal import RefusedError
from akid.serving.sources import Source, sources_in, to_keep, to_load

logger = logging.getLogger(__name__)


class Store:
    """What is served.

    Args:
        directory: see `sources_in`.
        name: of the model.
        keep: versions in memory at the same time, at most.
    """

    def __init__(self, directory: Path, name: str, keep: int = 2) -> None:
        self.directory, self.name, self._keep = directory, name, keep
        self._models: dict[int, tuple[Source, Model]] = {}
        self._failed: dict[Source, AkidError] = {}
        self.loads = {"loaded": 0, "failed": 0}

    @property
    def versions(self) -> list[int]:
        """Those that answer, the newest first."""
        return sorted(self._models, reverse=True)

    def refresh(self) -> None:
        """Load what is new, forget what is gone; it may take seconds, and requests are answered meanwhile.

        Whatever cannot be loaded is logged, and tried again once it has changed.

        Raises:
            AkidError: nothing can be served.
        """
        try:
            wanted = sources_in(self.directory, self._keep)
        except AkidError:
            if not self._models:
                raise
            return  # such as a volume that is away for a while
        models = dict(self._models)
        self._failed = {source: error for source, error in self._failed.items() if source in wanted}
        for source in to_load(wanted, self._sources(models), self._failed):
            try:
                models[source.version] = (source, _load(source))
            except AkidError as error:
                logger.warning("version %d cannot be served: %s", source.version, error)
                self._failed[source] = error
                self.loads["failed"] += 1
            else:
                self.loads["loaded"] += 1
        kept = to_keep(wanted, self._sources(models))
        # In one assignment: a request sees the old versions or the new ones.
        self._models = {version: models[version] for version in kept}
        if not self._models:
            raise next(iter(self._failed.values()))

    @staticmethod
    def _sources(models: dict[int, tuple[Source, Model]]) -> dict[int, Source]:
        return {version: source for version, (source, _) in models.items()}

    def model(self, name: str, version: str | None = None) -> tuple[int, Model]:
        """A version and its model; the newest if none is said.

        Raises:
            RefusedError: there is no such model or version.
        """
        if name != self.name:
            raise RefusedError(404, f"There is no model {name!r}. Known: {self.name}.")
        models = self._models
        number = max(models) if version is None else int(version) if version.isdecimal() else -1
        if number not in models:
            raise RefusedError(
                404,
                f"The model {name!r} has no version {version!r}. Known: {', '.join(map(str, sorted(models)))}.",
            )
        return number, models[number][1]


def _load(source: Source) -> Model:
    if source.run is None:
        return Model(source.path)
    with tempfile.TemporaryDirectory(prefix="akid-serve-") as scratch:
        target, _ = export_run(source.run, Path(scratch) / "export", source.best, source.version)
        return Model(target)
