#!/bin/sh
# Take out of the packages what no training needs: headers, types, compilers of bindings, tests.
set -eu
cd /opt/venv/lib/python3*/site-packages
find . -name '*.py[ix]' -exec rm {} +
rm -rf tensorflow/include tensorflow/xla_aot_runtime_src clang libclang-*.dist-info
# Only converters of StableHLO import it, by its own name.
rm -rf tensorflow/compiler/mlir/stablehlo
# TensorBoard reads events itself where its faster reader is missing.
rm -rf tensorboard_data_server tensorboard_data_server-*.dist-info
rm -rf distutils-precedence.pth _distutils_hack pkg_resources setuptools setuptools-*.dist-info wheel wheel-*.dist-info
# Directories named `test` stay: tf.test is one.
find . -type d -name tests -prune -exec rm -rf {} +
find keras -name '*_test.py' -exec rm {} +
