# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

import time


def eventually(what, condition, seconds):
    """Waits until the condition is true and returns its value. The time is only there to end a test that hangs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"never happened: {what}")
