"""The trainer: what a member of a job runs, `akid train`. What stands here at import is the standard library."""
