# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The tools that can be judged: each brings an image out of a registry into a folder, in its own way."""

import json
import os
import re
import shutil
import subprocess


class Outcome:
    """How a tool ended. `tree` is where the image's files are, if it did well."""

    def __init__(self, command, status, text, tree=None, hung=False):
        self.command, self.status, self.text, self.tree, self.hung = command, status, text.strip(), tree, hung

    @property
    def good(self):
        """The image is there."""
        return self.status == 0

    def __str__(self):
        end = "did not end" if self.hung else f"ended with {self.status}"
        return f"`{' '.join(self.command)}` {end}: {self.text[-1500:] or 'no message'}"


class Setting:
    """What a check sets up for a tool: files in place of the machine's."""

    def __init__(self, folder):
        self.folder = folder
        self.auth = self.certificates = self.registries = self.policy = self.signatures = self.platform = None
        self.credentials, self.insecure, self.stall = None, [], 60
        # Variables beside those that every run has.
        self.environment = {}


class Tool:
    """One tool with its version. `patience` is how long one command may take until it counts as hanging."""

    has_signature_folder = True

    def __init__(self, program, patience):
        self.program, self.patience = program, patience
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"\d[\w.]*", version)
        self.version = found[0] if found else "unknown"

    def run(self, words, environment=None, patience=None):
        """One command, to its end."""
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(environment or {})},
                                   start_new_session=True)
        try:
            text, _ = process.communicate(timeout=patience or self.patience)
            return Outcome(words, process.returncode, text.decode(errors="replace"))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            text, _ = process.communicate()
            return Outcome(words, process.returncode, text.decode(errors="replace"), hung=True)


class Skiffimg(Tool):
    """`skiffimg unpack`."""

    name = "skiffimg"

    def get(self, reference, setting, patience=None):
        """Unpacks an image."""
        path = f"{setting.folder}/skiff.toml"
        values = {
            "registries_conf": setting.registries or f"{setting.folder}/none.conf", "short_name_aliases": "/nonexistent",
            "certificate_dirs": [setting.certificates] if setting.certificates else [],
            "auth_files": [setting.auth] if setting.auth else [], "policy": setting.policy or f"{setting.folder}/none.json",
            "policy_dir": "/nonexistent", "registries_dir": setting.signatures or "/nonexistent",
            "insecure_registries": setting.insecure, "stall_timeout": f"{setting.stall}s"}
        if setting.platform:
            values["platform"] = setting.platform
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'root = "{setting.folder}/root"\nrun = "{setting.folder}/run"\n\n[image]\n')
            file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        words = [self.program, "unpack", "--quiet", "--config", path]
        if setting.credentials:
            words += ["--creds", setting.credentials]
        tree = f"{setting.folder}/tree"
        outcome = self.run([*words, reference, tree], setting.environment, patience)
        outcome.tree = tree
        return outcome


def containers_environment(setting):
    """Where the libraries of podman and skopeo look for registries.conf."""
    path = setting.registries
    if not path:
        path = f"{setting.folder}/empty.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write("")
    return {"CONTAINERS_REGISTRIES_CONF": path, "TMPDIR": setting.folder, **setting.environment}


def options(setting, prefix=""):
    """The options that podman and skopeo share."""
    words = []
    if setting.insecure:
        words.append(f"--{prefix}tls-verify=false")
    if setting.auth:
        words.append(f"--{prefix}authfile={setting.auth}")
    if setting.certificates:
        # These tools take the folder of one registry.
        words.append(f"--{prefix}cert-dir={setting.certificates}/{os.listdir(setting.certificates)[0]}")
    if setting.credentials:
        words.append(f"--{prefix}creds={setting.credentials}")
    return words


class Skopeo(Tool):
    """`skopeo copy` into a layout, then `umoci raw unpack`."""

    name = "skopeo"

    def get(self, reference, setting, patience=None):
        """Copies and unpacks an image."""
        layout, tree = f"{setting.folder}/layout", f"{setting.folder}/tree"
        # A layout holds no signatures; the policy is asked before they are left out.
        words = [self.program, "copy", "--quiet", "--remove-signatures", *options(setting, "src-")]
        words[1:1] = [f"--policy={setting.policy}"] if setting.policy else ["--insecure-policy"]
        if setting.signatures:
            words[1:1] = [f"--registries.d={setting.signatures}"]
        if setting.platform:
            os_name, arch, *variant = setting.platform.split("/")
            words[1:1] = [f"--override-os={os_name}", f"--override-arch={arch}",
                          *(f"--override-variant={one}" for one in variant)]
        environment = containers_environment(setting)
        words[1:1] = [f"--registries-conf={environment['CONTAINERS_REGISTRIES_CONF']}"]
        copied = self.run([*words, reference, f"oci:{layout}:it"], environment, patience)
        if not copied.good:
            return copied
        unpacked = self.run(["umoci", "raw", "unpack", "--image", f"{layout}:it", tree], environment, patience)
        unpacked.tree = tree
        return unpacked


class Podman(Tool):
    """`podman pull` and `podman image mount`, in a store of its own."""

    name = "podman"
    # Its folder of registries.d is always the machine's.
    has_signature_folder = False

    def get(self, reference, setting, patience=None):
        """Pulls an image and copies its files."""
        store = [self.program, "--root", f"{setting.folder}/store", "--runroot", f"{setting.folder}/run",
                 "--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--events-backend=none",
                 *([f"--registries-conf={setting.registries}"] if setting.registries else [])]
        words = [*store, "pull", "--quiet", *options(setting)]
        if setting.policy:
            words.append(f"--signature-policy={setting.policy}")
        if setting.platform:
            words.append(f"--platform={setting.platform}")
        environment = containers_environment(setting)
        pulled = self.run([*words, reference.removeprefix("docker://")], environment, patience)
        if not pulled.good:
            return pulled
        identity = pulled.text.splitlines()[-1]
        tree = f"{setting.folder}/tree"
        mounted = self.run([*store, "image", "mount", identity], environment)
        if mounted.good:
            subprocess.run(["cp", "-a", mounted.text.splitlines()[-1], tree], check=True)
            self.run([*store, "image", "unmount", identity], environment)
            pulled.tree = tree
        return pulled if mounted.good else mounted


def tool(name, program, patience):
    """The tool of that name."""
    kinds = {kind.name: kind for kind in (Skiffimg, Skopeo, Podman)}
    path = shutil.which(program or name)
    if name not in kinds or not path:
        raise SystemExit(f"conformance/image/run: no tool \"{name}\"; there are {', '.join(kinds)}")
    return kinds[name](path, patience)
