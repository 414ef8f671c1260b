"""AkidJob: the manifest and everything decided from it. Pure: no TensorFlow, no kopf, no I/O at import."""

from akid.job.manifest import load, load_mapping, parse
from akid.job.model import AkidJob
from akid.job.problems import InvalidManifestError

__all__ = ["AkidJob", "InvalidManifestError", "load", "load_mapping", "parse"]
