# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Random operations against many pods of one engine, whose daemon is killed and restarted meanwhile; begun by hack/soak.

The time is spent in chapters. Each begins and ends without a pod, and at its end nothing may be left of what was in it: no
process, mount, cgroup, interface, address, rule, file, row or descriptor. The daemon is killed at random moments of all
chapters but the last two, which one daemon lives through: between their ends its memory must not grow.
"""

import argparse
import collections
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from soak.patience import Journal, Patience
from soak.residue import Residue
from soak.slot import Slot
from soak.undated import UndatedEngine

# Of the time: chapters with kills, and the two without.
CHAPTERS = [("killed", 0.2)] * 3 + [("quiet", 0.2)] * 2


class Worker(threading.Thread):
    """Takes random steps with pods of its own until the chapter ends; what it does follows from the seed alone."""

    def __init__(self, slots, chance, ended):
        super().__init__(daemon=True)
        self.slots, self.chance, self.ended, self.failure = slots, chance, ended, None

    def run(self):
        try:
            while not self.ended.is_set():
                self.chance.choice(self.slots).step(self.chance)
            for slot in self.slots:
                slot.clear()
        except Exception as error:
            self.failure = error
            self.ended.set()


class Soak:
    def __init__(self, options):
        self.options, self.kills = options, 0
        self.engine = UndatedEngine(handler=options.handler)
        self.journal = Journal(self.engine.parent / "journal")
        self.engine.pull()
        self.patience = Patience(self.engine, self.journal)
        self.slots = [Slot(self.patience, number) for number in range(options.pods)]
        self.chances = [random.Random(f"{options.seed}/{number}") for number in range(options.workers)]
        self.moments = random.Random(f"{options.seed}/kills")
        # What is kept open from the first use on is open from here on.
        self.slots[0].rehearse(random.Random(0))
        self.residue = Residue(self.engine)

    def chapter(self, kind, seconds):
        ended = threading.Event()
        workers = [Worker(self.slots[number::self.options.workers], chance, ended)
                   for number, chance in enumerate(self.chances)]
        for worker in workers:
            worker.start()
        end = time.monotonic() + seconds
        while not ended.is_set() and (rest := end - time.monotonic()) > 0:
            if kind == "quiet":
                ended.wait(rest)
            elif not ended.wait(min(rest, self.moments.uniform(*self.options.pause))):
                self.kill()
        ended.set()
        for worker in workers:
            worker.join()
        for worker in workers:
            if worker.failure:
                raise worker.failure

    def kill(self):
        self.journal.write("kill skiffd")
        self.patience.lives += 1
        self.engine.kill_daemon()
        # Some of what happens while no daemon is there happens to containers.
        time.sleep(self.moments.choice([0, 0, 0.5, 2]))
        self.engine.script("daemon", str(self.engine.folder))
        self.patience.lives += 1
        self.kills += 1

    def run(self):
        memory = []
        for number, (kind, part) in enumerate(CHAPTERS, start=1):
            begin, before = time.monotonic(), self.journal.count
            self.chapter(kind, part * self.options.seconds)
            self.residue.check()
            memory.append(self.residue.memory())
            print(f"chapter {number} ({kind}): {self.journal.count - before} operations in "
                  f"{time.monotonic() - begin:.0f} s, {self.kills} kills so far, nothing left; "
                  f"daemon {memory[-1] / 1024:.1f} MiB", flush=True)
        growth, limit = memory[-1] - memory[-2], self.options.growth
        assert growth <= limit, f"the daemon grew by {growth} KiB in the last chapter, at most {limit} are right"

    def counts(self):
        return sum((slot.counts for slot in self.slots), collections.Counter())


def arguments():
    parser = argparse.ArgumentParser(prog="hack/soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long (60), without the ends of chapters")
    parser.add_argument("--seed", default=str(random.randrange(1 << 32)), help="what is done follows from it")
    parser.add_argument("--pods", type=int, default=50, help="pods at most (50)")
    parser.add_argument("--workers", type=int, default=8, help="operations at once (8)")
    parser.add_argument("--handler", default="skiffrun", help="the runtime (skiffrun)")
    parser.add_argument("--pause", type=float, nargs=2, default=[0.5, 8], help="seconds between kills (0.5 to 8)")
    parser.add_argument("--growth", type=int, default=4096, help="KiB that the daemon may grow in the last chapter (4096)")
    parser.add_argument("--keep", action="store_true", help="leave everything as it is after a failure")
    return parser.parse_args()


def give_up(number, frame):
    raise TimeoutError("it hangs")


def main():
    options = arguments()
    # Requests have no deadline here, see undated.py.
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(int(2 * options.seconds) + 900)
    print(f"--seed {options.seed} --pods {options.pods} --workers {options.workers} --handler {options.handler}", flush=True)
    soak = Soak(options)
    failed = True
    try:
        soak.run()
        failed = False
    except Exception as error:
        print(f"FAILED: {type(error).__name__}: {error}\n", soak.journal.end(), soak.engine.daemon_log(), sep="\n")
    print(", ".join(f"{name} {number}" for name, number in sorted(soak.counts().items())))
    if failed and options.keep:
        print(f"left in {soak.engine.parent}")
        return 1
    soak.engine.down()
    return int(failed)


sys.exit(main())
