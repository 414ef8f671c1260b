"""What is done for jobs: observed state, the queue, and reconciling."""
