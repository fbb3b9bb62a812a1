# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What the checks of image tools are made of."""
