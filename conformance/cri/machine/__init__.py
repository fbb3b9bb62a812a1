# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What checks of the interface are given: a client, and a place of their own."""
