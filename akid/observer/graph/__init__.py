"""The computation graph of a Kid as a picture (paper, Fig. 4)."""
