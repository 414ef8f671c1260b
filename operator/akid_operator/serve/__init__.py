"""The process: settings, leader election, health, metrics and logs."""
