"""The CustomResourceDefinition, made from the models of the API."""

from akid.job.crd.crd import to_yaml

__all__ = ["to_yaml"]
