"""File formats of data sets: from bytes on disk to arrays."""
