"""Messages and services of CSI and of the kubelet's plugin registration, generated: `make protocol`, NOTICE."""
