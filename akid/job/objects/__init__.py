"""Objects: what the operator makes for a job, and how what the server shows is read."""
