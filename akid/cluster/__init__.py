"""What the commands do on a cluster, with the user's own kubectl."""
