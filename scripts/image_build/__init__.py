"""Images are built of what is here, by whichever tool is there, and kept as archives: see `scripts/images.py`."""
