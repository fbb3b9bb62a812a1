# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Kills at random moments: pulls, removals and garbage collections, one or two at a time."""

import os
import random
import statistics
import time

from images import Images
from store import Expectation, Store


def play(skiffimg, folder, count, seed):
    choice = random.Random(seed)
    images = Images(f"{folder}/layout", 6, seed)
    os.makedirs(f"{folder}/run")
    store = Store(skiffimg, f"{folder}/root", f"{folder}/run", images)
    expectation = Expectation(images.tags)
    # How long things take here, but for a moment in which the machine does something else: the moments of the kills are
    # spread over that, and a little beyond.
    durations = []
    for tag in images.tags[:3]:
        begin = time.monotonic()
        store.call(*store.pull_words(tag))
        durations.append(time.monotonic() - begin)
        expectation.note("pulled", tag)
    duration = statistics.median(durations)
    killed = number = 0
    while killed < count:
        number += 1
        running = [begin_one(store, expectation, choice) for _ in range(choice.choice([1, 1, 2]))]
        time.sleep(choice.uniform(0, duration * 1.3))
        for process, _, _ in running:
            if process.poll() is None:
                process.kill()
                killed += 1
        for process, event, tags in running:
            process.communicate()
            if process.returncode == 0:
                for tag in tags:
                    expectation.note(event, tag)
        settle(running, expectation)
        try:
            store.verify(expectation, choice.choice(images.tags) if number % 4 == 0 else None)
        except Exception as error:
            raise SystemExit(f"after kill {number} of seed {seed} ({[run[1:] for run in running]}): {error}") from error
    print(f"{killed} kills at {number} moments; every image that was acknowledged is there and whole")


def begin_one(store, expectation, choice):
    kind = choice.choices(["pull", "remove", "gc"], [6, 3, 1])[0]
    tag = choice.choice(store.images.tags)
    if kind == "pull":
        expectation.note("pulling", tag)
        return store.start(*store.pull_words(tag)), "pulled", [tag]
    if kind == "remove":
        expectation.note("removing", tag)
        return store.start(*store.remove_words(tag)), "removed", [tag]
    for each in store.images.tags:
        expectation.note("removing", each)
    return store.start("gc", "--all"), "removed", store.images.tags


def settle(running, expectation):
    """Of two that ran at once over the same image nobody knows which was first."""
    for index, (_, event, tags) in enumerate(running):
        for _, other, others in running[:index]:
            if event != other:
                for tag in set(tags) & set(others):
                    expectation.known[tag] = None
