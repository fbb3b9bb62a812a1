# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The checks, one module for each topic."""
