"""The operator under load, on a real control plane whose nodes and pods kwok plays."""
