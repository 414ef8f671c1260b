"""The local runner: a job whose pods are processes of this machine. It loads no TensorFlow."""
