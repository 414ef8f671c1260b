"""The API server: requests, errors, paths and clocks."""
