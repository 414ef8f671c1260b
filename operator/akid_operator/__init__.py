"""The Kubernetes operator of akid."""

__version__ = "0.1.0"
