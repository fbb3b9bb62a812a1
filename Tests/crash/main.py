# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Crashes of the image store: see hack/crash."""

import argparse
import os
import random
import shutil
import tempfile
import time

import cuts
import kills


def main():
    parser = argparse.ArgumentParser(prog="hack/crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kills at random moments")
    parser.add_argument("--cuts", type=int, default=15, help="losses of power at random writes")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="what is random, again")
    parser.add_argument("--programs", required=True, help="the folder with skiffimg")
    words = parser.parse_args()
    skiffimg = os.path.abspath(f"{words.programs}/skiffimg")
    print(f"seed {words.seed}", flush=True)
    for name, play, count in (("kills", kills.play, words.kills), ("cuts", cuts.play, words.cuts)):
        if count == 0:
            continue
        folder = tempfile.mkdtemp(prefix="skiff-crash.")
        begin = time.monotonic()
        try:
            play(skiffimg, folder, count, words.seed)
        finally:
            shutil.rmtree(folder)
        print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)


if __name__ == "__main__":
    main()
