# `make help` lists the targets. Everything is installed into .venv and the usual caches.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
UV_VERSION := 0.13.9
# Pyc files are written once at installation: importing TensorFlow without them takes three times as long.
export UV_COMPILE_BYTECODE := 1
export UV_LINK_MODE := copy
PYTEST_FLAGS ?= -q
# Names of benchmarks, e.g. BENCHES="training operator_burst"; all by default.
BENCHES ?=
# Of `make images` and `make push`: which ones (all but the GPU's by default), and flags of the tool's push.
IMAGES ?=
PUSH_FLAGS ?=
# Of `make soak`: training or operator.
SOAK ?= training
# Minor of the test clusters' Kubernetes, of those in tests/cluster/module; by default the one of its go.mod.
export KUBERNETES ?=
# Of `make e2e`: smoke or all; CLUSTER=current for the cluster that kubectl reaches.
E2E ?= all

.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' Makefile)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## install everything into .venv (Python 3.11-3.13)

$(VENV)/bin/uv: scripts/find-python.sh
	@python="$$(scripts/find-python.sh)" && "$$python" -m venv --clear $(VENV)
	@$(VENV)/bin/pip install --quiet uv==$(UV_VERSION)

$(VENV)/.ready: $(VENV)/bin/uv constraints.txt pyproject.toml operator/pyproject.toml
	@echo "installing the locked packages into $(VENV) (the first time takes about a minute)" >&2
	@$(UV) pip sync --quiet --python $(PY) --require-hashes constraints.txt
	@$(VENV)/bin/python -m ensurepip >/dev/null 2>&1 || true
	@$(UV) pip install --quiet --python $(PY) --no-build-isolation --no-deps --editable . --editable ./operator
	@touch $@

demo: setup ## train examples/jobs/digits.yaml on this machine and show the result
	@$(VENV)/bin/akid run examples/jobs/digits.yaml --log-dir runs/demo --fresh

test: setup ## the linters and every test that needs no root, e.g. PYTEST_FLAGS="-q -k joker"
	@$(PY) scripts/run_tests.py $(PYTEST_FLAGS)

cluster: setup ## start a test control plane; use it by eval "$(make cluster)"
	@PYTHONPATH=tests $(PY) -m cluster up

cluster-down: setup ## end what `make cluster` started
	@PYTHONPATH=tests $(PY) -m cluster down

cluster-build: setup ## build the test control plane and helm into the cache (`make test` does it too)
	@PYTHONPATH=tests $(PY) -m cluster build

e2e: setup ## images, chart and jobs on a real cluster (root, Debian): E2E=smoke|all [CLUSTER=current REGISTRY=...]
	@PYTHONPATH=tests $(PY) -m e2e $(E2E) $(PYTEST_FLAGS)

lint: setup ## ruff, format check, pyright, import-linter
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/pyright --warnings
	@$(VENV)/bin/lint-imports --no-cache

fmt: setup ## format and sort imports
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

crds: setup ## write crds/, and the chart's copy of it, from the models of the API
	@$(PY) -m akid.job.crd crds/akidjobs.akid.dev.yaml
	@cp crds/akidjobs.akid.dev.yaml charts/akid-operator/crds/

chart: crds ## write what is generated in the chart: its CRD, the table of its values
	@$(PY) scripts/chart_readme.py

protocol: setup ## write the messages of operator/akid_csi from the published definitions
	@$(PY) scripts/generate_csi_protocol.py

images: setup ## build the images by docker, podman or buildah; some of them: IMAGES="trainer operator"
	@$(PY) scripts/images.py build $(IMAGES)

push: setup ## push them, as whom the tool is logged in: REGISTRY=host/path [IMAGES=...] [PUSH_FLAGS=...]
	@$(PY) scripts/images.py push "$(REGISTRY)" $(IMAGES) -- $(PUSH_FLAGS)

docs-figures: setup ## train the examples and draw the pictures of docs/observer.md
	@$(PY) scripts/docs_figures.py

bench: setup ## speeds as ratios against peers, interleaved in one run
	@PYTHONPATH=tests:tests/akid_operator $(PY) -m tests.benchmarks $(BENCHES)

soak: setup ## faults of every kind for SOAK_MINUTES (30), SOAK=training|operator; SOAK_SEED repeats them
	@PYTHONPATH=tests:tests/akid_operator $(PY) -m $(if $(filter operator,$(SOAK)),operator_soak,faults.soak)

lock: $(VENV)/bin/uv ## compile constraints.txt and the images' requirements from the pyproject files
	@$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --extra cpu --extra observe --extra tune --extra serve --extra csi --group dev --no-emit-package akid --no-emit-package akid-operator \
	  pyproject.toml operator/pyproject.toml --output-file constraints.txt
	@$(PY) scripts/lock_images.py $(UV)

clean: ## remove .venv, caches and run directories
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache runs dist build
	@find akid operator tests -name __pycache__ -type d -prune -exec rm -rf {} +
