# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The machinery of the conformance suite; what it proves is in the package `checks`."""
