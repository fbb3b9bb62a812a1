# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""An OCI image out of one static program, by the tools that others use."""

import shutil
import subprocess
import tarfile


def umoci(*arguments):
    done = subprocess.run(["umoci", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"umoci {arguments}: {done.stderr}"


def make_tree(tree):
    for name in ("bin", "etc", "tmp", "home/web", "proc", "sys", "dev"):
        (tree / name).mkdir(parents=True)
    (tree / "tmp").chmod(0o1777)
    shutil.copy(shutil.which("busybox"), tree / "bin/busybox")
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in set(applets) - {"busybox"}:
        (tree / "bin" / applet).symlink_to("busybox")
    (tree / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\nweb:x:1000:1000:web:/home/web:/bin/sh\n")
    (tree / "etc/group").write_text("root:x:0:\nweb:x:1000:\nextra:x:2000:web\n")


def make_layout(folder):
    """An image layout with the tags "1", a shell, and "pause", which does nothing until it is told to end."""
    layout, tree = folder / "layout", folder / "tree"
    make_tree(tree)
    umoci("init", "--layout", layout)
    umoci("new", "--image", f"{layout}:1")
    umoci("insert", "--image", f"{layout}:1", tree, "/")
    umoci("config", "--image", f"{layout}:1", "--config.cmd", "sh", "--config.env", "PATH=/bin")
    umoci("tag", "--image", f"{layout}:1", "pause")
    # A process with number 1 ends by the signals that it handles only.
    words = ["sh", "-c", "trap exit TERM; while :; do sleep 0.05; done"]
    umoci("config", "--image", f"{layout}:pause", *[x for word in words for x in ("--config.cmd", word)])
    return layout


def archive(layout, path):
    """The layout as the archive that `ctr image import` reads."""
    with tarfile.open(path, "w") as tar:
        tar.add(layout, arcname=".")
    return path
