"""Manifests: how YAML becomes a Kid."""
