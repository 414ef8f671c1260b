"""Inference: how what was learnt is used."""
