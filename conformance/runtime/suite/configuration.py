# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The config.json of a container, as a dictionary with shorthands for what checks change most."""

DEFAULT_CAPABILITIES = [
    f"CAP_{name}" for name in
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL "
    "AUDIT_WRITE".split()]


class Configuration(dict):
    """A small, complete container: namespaces but for network, a /proc, a /dev, the capabilities of an engine."""

    def __init__(self, cgroups_path):
        super().__init__(
            ociVersion="1.0.2",
            root={"path": "rootfs"},
            process={
                "cwd": "/", "args": ["/probe", "report"], "env": ["PATH=/bin:/sbin"],
                "user": {"uid": 0, "gid": 0}, "noNewPrivileges": True,
            },
            mounts=[
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                 "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            ],
            linux={
                "cgroupsPath": cgroups_path,
                "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")],
            })
        self.capabilities(*DEFAULT_CAPABILITIES)

    @property
    def process(self):
        return self["process"]

    @property
    def linux(self):
        return self["linux"]

    def args(self, *words):
        """What the container runs."""
        self.process["args"] = list(words)
        return self

    def shell(self, script):
        """The container runs a script of busybox' shell."""
        return self.args("/bin/sh", "-c", script)

    def probe(self, *words):
        """The container runs the probe."""
        return self.args("/probe", *words)

    def capabilities(self, *names, ambient=()):
        """The same capabilities in the sets that matter for root."""
        sets = ("bounding", "effective", "permitted", "inheritable")
        self.process["capabilities"] = {name: list(names) for name in sets} | {"ambient": list(ambient)}
        return self

    def namespace(self, kind, path=None):
        """A new namespace of a kind, or one to join; in place of the one there was."""
        self.without_namespace(kind)
        self.linux["namespaces"].append({"type": kind} | ({"path": path} if path else {}))
        return self

    def without_namespace(self, kind):
        """Stays in the runtime's namespace of a kind."""
        self.linux["namespaces"] = [one for one in self.linux["namespaces"] if one["type"] != kind]
        return self

    def mount(self, destination, type=None, source=None, *options, **more):
        """One more mount."""
        entry = {"destination": destination} | more
        entry |= {"type": type} if type else {}
        entry |= {"source": source} if source else {}
        entry |= {"options": list(options)} if options else {}
        self["mounts"].append(entry)
        return self

    def bind(self, source, destination, *options, **more):
        """One more bind mount."""
        return self.mount(destination, "bind", source, "bind", *options, **more)

    def resources(self, **values):
        """Limits of the cgroup."""
        self.linux.setdefault("resources", {}).update(values)
        return self

    def user_namespace(self, host=100000, size=65536):
        """A new user namespace whose ids 0... are `host`... outside."""
        self.namespace("user")
        mapping = [{"containerID": 0, "hostID": host, "size": size}]
        self.linux.update(uidMappings=list(mapping), gidMappings=list(mapping))
        return self

    def hook(self, kind, *script, **more):
        """One more hook, a shell script of the host."""
        entry = {"path": "/bin/sh", "args": ["sh", "-c", *script]} | more
        self.setdefault("hooks", {}).setdefault(kind, []).append(entry)
        return self
