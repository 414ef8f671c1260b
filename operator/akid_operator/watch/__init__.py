"""What is heard of the cluster: watches and the resync."""
