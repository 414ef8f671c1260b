"""The numbers behind pictures: pure functions of numpy arrays, for TensorBoard and for the Observer."""
