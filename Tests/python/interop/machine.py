# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A private machine for programs that know only one of it: podman, buildah, containerd.

They run in namespaces of their own (mount, PID, network, IPC, UTS and cgroup): below /run, /etc and /var/lib they may
write what they like, add bridges and processes, and all of it ends with the machine's first process, also after a
failure. What is left to be removed is one folder and one cgroup.
"""

import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

import waiting

PROGRAMS = pathlib.Path(os.environ["SKIFF_PROGRAMS"])
# Only there to end a test that hangs.
DEADLINE = 60
eventually = functools.partial(waiting.eventually, seconds=DEADLINE)

# The first process of the machine: it reaps.
INIT = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
print(os.readlink("/proc/self/ns/pid"), flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        signal.sigwait({signal.SIGCHLD})
"""

# $1 is the machine's folder; the rest, the hierarchies: TYPE PATH OPTIONS each.
SETUP = """
set -eu
folder=$1
shift
ip link set lo up
for over in /etc /var/lib; do
    mkdir -p $folder/over$over/upper $folder/over$over/work
    mount -t overlay -o lowerdir=$over,upperdir=$folder/over$over/upper,workdir=$folder/over$over/work overlay $over
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock
umount -R -l /sys/fs/cgroup
# Of v1 and of a hybrid: one mount for each hierarchy in a tmpfs.
[ $# = 3 ] || mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
while [ $# -gt 0 ]; do
    mkdir -p $2
    mount -t $1 ${3:+-o $3} $1 $2
    shift 3
done
mount --make-rshared /
rm -rf /etc/containers /etc/cni
mkdir -p /etc/containers
cp $folder/containers/* /etc/containers/
echo containers:200000:1000000 | tee -a /etc/subuid >>/etc/subgid
"""


# The runtime under test, and what others that are tried in its place say in their own words.
RUNTIME = os.environ.get("SKIFF_INTEROP_RUNTIME", str(PROGRAMS / "skiffrun"))
MISSING = 'exec: "nosuch": executable file not found in $PATH'
NO_FILE = 'exec: "/no/such": stat /no/such: no such file or directory'
NO_PROGRAM = 'exec: "/etc/passwd": permission denied'
NO_DIRECTORY = 'chdir to cwd ("/etc/passwd") set in config.json failed: not a directory'
NOT_RUNNING = "container not running"
OWN_WORDS = {
    "crun": {
        MISSING: "executable file `nosuch` not found in $PATH",
        NO_FILE: "executable file `/no/such` not found in $PATH: No such file or directory",
        NO_PROGRAM: "open executable: Permission denied",
        NO_DIRECTORY: "chdir `/etc/passwd`: Not a directory",
        NOT_RUNNING: "No such process",
    },
    "runc": {NO_DIRECTORY: "mkdir /etc/passwd: not a directory"},
}


def says(text, words):
    """Whether an error has the words, plain or inside of a log line, where quotes have a backslash."""
    words = OWN_WORDS.get(os.path.basename(RUNTIME), {}).get(words, words)
    return words in text.replace('\\"', '"')


class Done:
    """What a program said when it ended."""

    def __init__(self, arguments, status, out, err):
        self.arguments, self.status, self.out, self.err = arguments, status, out, err

    def __str__(self):
        return f"{' '.join(map(str, self.arguments))}: status {self.status}\n{self.out}{self.err}"


def execute(arguments, input=None, deadline=DEADLINE):
    """Runs a program to its end. Its output goes through files: who inherits a pipe would keep it open."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        if input is not None:
            stdin.write(input.encode())
            stdin.seek(0)
        process = subprocess.Popen(
            list(map(str, arguments)), stdin=stdin, stdout=out, stderr=err, start_new_session=True
        )
        try:
            status = process.wait(deadline)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = "none in time"
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        return Done(arguments, status, *texts)


def hierarchies():
    """The host's cgroup hierarchies: (type, path, mount options)."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        path, _, rest = line.partition(" - ")
        kind, _, options = rest.split()
        if kind in ("cgroup", "cgroup2"):
            dull = ("rw", "ro", "xattr", "clone_children")
            kept = [option for option in options.split(",") if kind == "cgroup" and option not in dull]
            # A hierarchy with a name has no controllers.
            text = ",".join("none," + option if "=" in option else option for option in kept)
            found.append((kind, pathlib.Path(path.split()[4]), text))
    return found


class Machine:
    def __init__(self, files):
        """`files`: what /etc/containers holds."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="skiff-interop-"))
        self.name = f"skiff-interop-{os.getpid()}"
        self.holder = None
        try:
            (self.folder / "containers").mkdir()
            for name, text in files.items():
                (self.folder / "containers" / name).write_text(text)
            self.make_cgroups()
            self.start()
        except BaseException:
            self.down()
            raise

    def make_cgroups(self):
        self.hierarchies = hierarchies()
        self.groups = [path / self.name for _, path, _ in self.hierarchies]
        for group in self.groups:
            # The programs themselves are in "clients", as a host's are in a slice.
            for directory in (group, group / "clients"):
                directory.mkdir()
                for name in ("cpuset.cpus", "cpuset.mems"):
                    if (directory / "tasks").exists() and (directory / name).exists():
                        (directory / name).write_text((directory.parent / name).read_text())

    def start(self):
        enter = 'for group; do echo 0 >"$group/cgroup.procs"; done; '
        flags = ["--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup"]
        script = enter + f"exec unshare {' '.join(flags)} --fork --kill-child --mount-proc --propagation private" + (
            f" python3 -c '{INIT}'"
        )
        self.holder = subprocess.Popen(
            ["sh", "-c", script, "sh", *self.groups], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self.holder.stdout.readline(), "the machine's first process did not start"
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.init = int(children[0])
        leaves = [group / "clients" for group in self.groups]
        for leaf in leaves:
            for pid in (self.holder.pid, self.init):
                (leaf / "cgroup.procs").write_text(str(pid))
        # nsenter(1) would leave the programs in the cgroups of the tests, which the machine does not see.
        self.door = self.folder / "enter"
        self.door.write_text(
            "#!/bin/sh\n" + "".join(f"echo 0 >{leaf}/cgroup.procs\n" for leaf in leaves)
            + f'exec nsenter --target {self.init} {" ".join(flags)} -- "$@"\n'
        )
        self.door.chmod(0o755)
        triples = [str(word) for hierarchy in self.hierarchies for word in hierarchy]
        self.run("sh", "-c", SETUP, "sh", self.folder, *triples)

    def run(self, *arguments, status=0, input=None, deadline=DEADLINE):
        """Runs a program in the machine and expects an exit status."""
        done = execute([self.door, *arguments], input, deadline)
        assert done.status == status, str(done)
        return done

    def spawn(self, *arguments, **options):
        """Starts a program in the machine that ends with it at the latest."""
        return subprocess.Popen([self.door, *map(str, arguments)], start_new_session=True, **options)

    # What is left of the containers of a test.

    def cgroups(self):
        """Those in which a container was, without the first floors that the programs keep."""
        kept = {"clients", "libpod_parent", "libpod_parent/conmon"}
        found = []
        for group in self.groups:
            found += [p for p in group.rglob("*/") if str(p.relative_to(group)) not in kept]
        return found

    def mounts(self):
        table = pathlib.Path(f"/proc/{self.init}/mountinfo").read_text().splitlines()
        return [path for path in (line.split()[4] for line in table) if path.startswith(f"{self.folder}/")]

    def processes(self):
        """The command lines of the machine, but that of its first process; ended ones have none."""
        namespace = os.readlink(f"/proc/{self.init}/ns/pid")
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if int(entry.name) != self.init and os.readlink(entry / "ns/pid") == namespace:
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return [line for line in found if line]

    # The end.

    def down(self):
        for group in self.groups if hasattr(self, "groups") else []:
            for state in group.rglob("freezer.state"):
                state.write_text("THAWED")
        if self.holder:
            self.holder.kill()
            self.holder.wait()
            self.holder.stdout.close()
        for group in self.groups if hasattr(self, "groups") else []:
            eventually(f"cgroup {group} is gone", lambda: remove_tree(group))
        shutil.rmtree(self.folder)
        with open("/proc/self/mountinfo") as table:
            assert str(self.folder) not in table.read()


def remove_tree(group):
    """Removes a cgroup and those below it. False while processes are still ending in one."""
    for directory in sorted([*group.rglob("*/"), group], reverse=True):
        try:
            directory.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True
