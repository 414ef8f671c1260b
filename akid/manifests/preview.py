"""What `akid validate` and `akid render` do with a job."""

from __future__ import annotations

from akid.job import AkidJob
from akid.job.manifest import dialect
from akid.manifests.fill import filled_arguments
from akid.manifests.runs import kid_of_spec
from akid.manifests.scripts import render
from akid.manifests.set_up import check_shapes


def validated(job: AkidJob) -> str:
    """Build the brain without training it.

    Returns:
        What could not be checked; empty if everything was.

    Raises:
        InvalidSpecError, AkidError: see `akid.manifests.set_up.check_shapes`.
    """
    return check_shapes(kid_of_spec(job.spec.trained_kid))


def rendered(job: AkidJob) -> str:
    """The script of its kid filled in, or a declarative kid as YAML."""
    spec = job.spec.trained_kid
    if spec.script is not None:
        return render(spec.script, spec.params or {}) + "\n"
    return dialect.write(filled_arguments(spec))
