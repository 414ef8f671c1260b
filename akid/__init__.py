"""akid: describe a Kid once; train it on a laptop or on a Kubernetes cluster with the same file."""

__version__ = "0.1.0"
