"""The planner: what to do for a job, decided from what is observed."""
