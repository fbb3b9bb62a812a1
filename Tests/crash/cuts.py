# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Losses of power: the store works on a disk that is recorded, and is opened on the disk as it was at random writes.

At each cut, what was flushed is on the disk. Of what was written since the last flush, all, nothing, or a random part is,
in whole sectors: a disk with a cache keeps no order.
"""

import os
import random
import shutil
import subprocess
import sys
import time

import disk
from images import Images
from store import Expectation, Store

SIZE = 192 << 20
SECTOR = 512


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


class Recording:
    """A mounted ext4 whose disk is recorded."""

    def __init__(self, folder):
        self.base, self.backing, self.log = f"{folder}/base", f"{folder}/backing", f"{folder}/log"
        self.fuse, self.mount = f"{folder}/fuse", f"{folder}/mnt"
        with open(self.base, "wb") as file:
            file.truncate(SIZE)
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-J", "size=8", self.base)
        run("cp", "--sparse=always", self.base, self.backing)
        os.makedirs(self.fuse)
        os.makedirs(self.mount)
        self.server = subprocess.Popen(
            [sys.executable, disk.__file__, self.fuse, self.backing, self.log], stdout=subprocess.PIPE, text=True
        )
        if self.server.stdout.readline() != "ready\n":
            raise SystemExit("the recording disk did not start")
        run("mount", "-o", "loop", f"{self.fuse}/disk", self.mount)

    def position(self):
        return os.stat(self.log).st_size

    def close(self):
        run("umount", self.mount)
        # The loop device lets go of the file a moment after the last unmount.
        for _ in range(300):
            if subprocess.run(["umount", self.fuse], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        self.server.wait(60)


def play(skiffimg, folder, count, seed):
    choice = random.Random(seed)
    images = Images(f"{folder}/layout", 5, seed)
    run_folder = f"{folder}/run"
    os.makedirs(run_folder)
    recording = Recording(folder)
    try:
        store = Store(skiffimg, f"{recording.mount}/root", run_folder, images)
        events = work(store, recording, choice)
    finally:
        recording.close()
    replay(recording, events, store, count, choice, seed)


def work(store, recording, choice):
    """Pulls and removals, some two at a time, some killed. Returns (position in the log, what, which image)."""
    events = []

    def begin(kind, tag):
        events.append((recording.position(), "pulling" if kind == "pull" else "removing", tag))
        words = store.pull_words(tag) if kind == "pull" else store.remove_words(tag)
        return store.start(*words), "pulled" if kind == "pull" else "removed", tag

    for _ in range(16):
        pair = choice.sample(store.images.tags, choice.choice([1, 2]))
        running = [begin(choice.choices(["pull", "remove"], [3, 1])[0], tag) for tag in pair]
        if choice.random() < 0.2:
            time.sleep(choice.uniform(0, 0.3))
            running[0][0].kill()
        for process, event, tag in running:
            process.communicate()
            if process.returncode == 0:
                events.append((recording.position(), event, tag))
    return events


def replay(recording, events, store, count, choice, seed):
    log = list(disk.records(recording.log))
    flushes = sum(1 for record in log if record[1] == disk.FLUSH)
    image = recording.backing
    flushed = 0
    shutil.copyfile(recording.base, image)
    moments = sorted(choice.sample(range(len(log)), min(count, len(log))))
    for moment in moments:
        last = max((i for i in range(flushed, moment + 1) if log[i][1] == disk.FLUSH), default=flushed)
        with open(image, "r+b") as file:
            for record in log[flushed:last]:
                apply(file, record)
        flushed = last
        copy = f"{recording.backing}.cut"
        run("cp", "--sparse=always", image, copy)
        share = choice.choice([0, 0.5, 1])
        with open(copy, "r+b") as file:
            for record in log[flushed : moment + 1]:
                if choice.random() < share:
                    apply(file, record, choice if share < 1 else None)
        verify(recording, copy, store, expected(events, log[moment][0], store), choice, f"write {moment} of seed {seed}")
    print(
        f"{len(moments)} cuts among {len(log)} writes and flushes ({flushes} flushes); "
        "every image that was acknowledged is there and whole"
    )


def apply(file, record, tear=None):
    _, kind, offset, data = record
    if kind != disk.WRITE:
        return
    if tear and len(data) > SECTOR and tear.random() < 0.3:
        data = data[: tear.randrange(len(data) // SECTOR) * SECTOR]
    file.seek(offset)
    file.write(data)


def expected(events, position, store):
    expectation = Expectation(store.images.tags)
    for at, event, tag in events:
        if at <= position:
            expectation.note(event, tag)
    return expectation


def verify(recording, copy, store, expectation, choice, name):
    run("mount", "-o", "loop", copy, recording.mount)
    try:
        if not os.path.isdir(store.root) and not any(expectation.known.values()):
            return
        store.verify(expectation, choice.choice(store.images.tags))
    except Exception as error:
        raise SystemExit(f"cut at {name}: {error}") from error
    finally:
        run("umount", recording.mount)
