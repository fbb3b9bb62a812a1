# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""A store that things happen to, and what it must still hold afterwards."""

import hashlib
import json
import os
import shutil
import subprocess


def chain(diff_ids):
    """The chainIDs of an image's layers, without the algorithm. Every layer here leaves directories to those below it, and
    so is kept by this (image-spec, config.md, Layer ChainID)."""
    below = ""
    for diff_id in diff_ids:
        below = f"sha256:{hashlib.sha256(f'{below} {diff_id}'.encode()).hexdigest()}" if below else diff_id
        yield below.partition(":")[2]


class Broken(Exception):
    """The store does not hold what it promised."""


class Expectation:
    """What is known of each image: it must be there, must not be there, or (None) may be."""

    def __init__(self, tags):
        self.known = {tag: False for tag in tags}

    def note(self, event, tag):
        if event == "pulled":
            self.known[tag] = True
        elif event == "removed":
            self.known[tag] = False
        else:
            # Begun: from now on both are right, until it is acknowledged.
            self.known[tag] = True if event == "pulling" and self.known[tag] is True else None


class Store:
    def __init__(self, skiffimg, root, run, images):
        self.skiffimg, self.root, self.run, self.images = skiffimg, root, run, images

    def command(self, *words):
        return [self.skiffimg, *words, "--root", self.root, "--run-root", self.run]

    def start(self, *words):
        return subprocess.Popen(self.command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def call(self, *words):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise Broken(f"skiffimg {' '.join(words)}: {done.stderr.strip()} {done.stdout.strip()[:500]}")
        return done.stdout

    def pull_words(self, tag):
        return ["pull", "--quiet", f"oci:{self.images.path}:{tag}", "--name", f"crash.test/{tag}:1"]

    def remove_words(self, tag):
        return ["remove", f"crash.test/{tag}:1"]

    def verify(self, expectation, unpack=None):
        """Opens the store, compares every byte with its records, and the images with what is expected."""
        found = {image["id"]: image for image in json.loads(self.call("list", "--json"))}
        for tag, known in expectation.known.items():
            present = self.images.ids[tag] in found
            if known is not None and present != known:
                raise Broken(f"{tag} is {'not ' if known else ''}in the store")
        self.call("check")
        self.expect_only(f"{self.root}/layers/sha256", {name for image in found.values() for name in chain(image["layers"])})
        for folder in ("staging", "trash", "quarantine"):
            self.expect_only(f"{self.root}/{folder}", set())
        if unpack and self.images.ids[unpack] in found:
            self.compare(unpack)

    @staticmethod
    def expect_only(folder, names):
        extra = {name.partition(".")[0] for name in os.listdir(folder)} ^ names
        if extra:
            raise Broken(f"{folder}: {sorted(extra)[:3]} should not be there, or is missing")

    def compare(self, tag):
        """The image's files against what went into it, without trust in anything the store recorded."""
        target = f"{self.run}/unpacked"
        self.call("unpack", self.images.ids[tag], target)
        found = {}
        for folder, _, names in os.walk(target):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
                found[os.path.relpath(os.path.join(folder, name), target)] = digest
        shutil.rmtree(target)
        if found != self.images.files[tag]:
            raise Broken(f"the files of {tag} are not what went into it")
