# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What README.md says under "Use", from the network's file to the pod's end, done word for word as an administrator would:
at the paths that it names, in namespaces where they and the network are empty, and with which all processes end."""

import pathlib
import re
import subprocess

from engine import PROGRAMS, REPOSITORY

PLACES = ["/etc/cni", "/etc/skiff", "/etc/containers", "/var/lib/skiff", "/run/skiff", "/var/log/pods"]
# Only what README takes for granted: the programs on PATH, and a registry with an image.
FRAME = """
set -euo pipefail
export PATH={programs}:$PATH
for place in {places}; do mkdir -p $place; mount -t tmpfs tmpfs $place; done
ip link set lo up
printf 'version: 0.1\\nlog: {{level: error}}\\nstorage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\\n' >registry.yml
printf 'http: {{addr: 127.0.0.1:5000}}\\n' >>registry.yml
printf '{{"default": [{{"type": "insecureAcceptAnything"}}]}}' >/etc/containers/policy.json
printf '[image]\\ninsecure_registries = ["127.0.0.1:5000"]\\n' >/etc/skiff/skiff.toml
docker-registry serve registry.yml &
for try in $(seq 100); do busybox wget -q -O /dev/null http://127.0.0.1:5000/v2/ && break; sleep 0.1; done
{repository}/hack/web-image layout 127.0.0.1:5000 >/dev/null
echo BEGIN
{text}
skiffctl pods -q
echo END
"""


def commands():
    """The lines of the section's blocks, without that which builds."""
    section = (REPOSITORY / "README.md").read_text().split("\n## Use\n")[1].split("\n## ")[0]
    section = section.split("Images without a daemon:")[0]
    blocks = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    lines = [line[4:] for block in blocks for line in block.splitlines()]
    return "\n".join(line for line in lines if not line.startswith(("hack/", "install ")))


def test_a_pod_behind_a_port(tmp_path):
    made = [place for place in PLACES if not pathlib.Path(place).exists()]
    text = commands().replace("registry.example/web:1", "127.0.0.1:5000/web:1")
    assert "skiffctl runp" in text and "curl" in text
    script = FRAME.format(
        programs=PROGRAMS, places=" ".join(PLACES), folder=tmp_path, repository=REPOSITORY, text=text)
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "bash", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, timeout=240)
    for place in reversed(made):
        pathlib.Path(place).rmdir()
    said = done.stdout.split("BEGIN\n")[-1]
    assert done.returncode == 0, said + done.stderr
    assert "<h1>Hello from a pod</h1>\n" in said and "www" in said
    # No pod is listed at the end.
    assert re.search(r"Removed sandbox [0-9a-f]{64}\nEND\n$", said), said
