"""AkidJob: the manifest and everything decided from it. Pure: no TensorFlow, no kopf, no I/O at import."""
