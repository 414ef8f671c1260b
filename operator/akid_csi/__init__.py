"""A CSI node driver for GlusterFS: a directory of a volume in a pod, by one FUSE client per volume and node.

It stands alone: nothing of akid is needed. README.md beside this file says how it is deployed and used.
"""

__version__ = "0.1.0"
