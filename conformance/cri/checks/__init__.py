# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What the suite proves, by subject."""
