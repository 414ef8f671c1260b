"""Sensors: where batches come from."""

from akid.sensors.sensor import FeedSensor, Sensor

__all__ = ["FeedSensor", "Sensor"]
