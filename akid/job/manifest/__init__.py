"""Manifests of AkidJobs: read, checked, and told what is wrong with them."""
