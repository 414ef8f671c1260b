"""Serving: a model answers over HTTP, in TensorFlow Serving's REST form and the Open Inference Protocol."""
