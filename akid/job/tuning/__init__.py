"""A job that is tuned has no pods: its trials are jobs. What to do for it follows from how they stand."""
