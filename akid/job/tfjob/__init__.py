"""From a TFJob of Kubeflow to an AkidJob that runs the same images."""

from akid.job.tfjob.convert import Conversion, convert

__all__ = ["Conversion", "convert"]
