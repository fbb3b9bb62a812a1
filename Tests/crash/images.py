# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Images for the crash tests: an OCI layout in which every image shares layers with others."""

import gzip
import hashlib
import io
import json
import os
import random
import tarfile


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Images:
    """`count` images `i0`, `i1`, ...: one layer of all, one of every second, one of its own."""

    def __init__(self, path, count, seed):
        self.path = path
        self.random = random.Random(seed)
        self.tags = [f"i{number}" for number in range(count)]
        # By tag: the id, and the digest of each file.
        self.ids, self.files = {}, {}
        os.makedirs(f"{path}/blobs/sha256")
        base = self.layer("base", 120)
        halves = [self.layer("even", 60), self.layer("odd", 60)]
        entries = [self.image(tag, [base, halves[number % 2], self.layer(f"own{number}", 50)])
                   for number, tag in enumerate(self.tags)]
        self.write("oci-layout", {"imageLayoutVersion": "1.0.0"})
        self.write("index.json", {"schemaVersion": 2, "manifests": entries})

    def write(self, name, document):
        with open(f"{self.path}/{name}", "w", encoding="utf-8") as file:
            json.dump(document, file)

    def blob(self, data, kind):
        digest = sha256(data)
        with open(f"{self.path}/blobs/sha256/{digest}", "wb") as file:
            file.write(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    def layer(self, name, count):
        """Files of all sizes below a directory of the layer's name, half of them incompressible."""
        plain, files = io.BytesIO(), {}
        with tarfile.open(fileobj=plain, mode="w") as tar:
            for number in range(count):
                size = self.random.choice([0, 10, 1000, 5000, 40_000])
                data = self.random.randbytes(size) if number % 2 else bytes([number]) * size
                entry = tarfile.TarInfo(f"{name}/d{number % 7}/f{number}")
                entry.size, entry.mtime = size, 1_700_000_000 + number
                tar.addfile(entry, io.BytesIO(data))
                files[entry.name] = sha256(data)
        data = plain.getvalue()
        blob = self.blob(gzip.compress(data, 1, mtime=0), "layer.v1.tar+gzip")
        return {"blob": blob, "diffID": f"sha256:{sha256(data)}", "files": files}

    def image(self, tag, layers):
        config = {
            "architecture": "amd64", "os": "linux", "config": {"Labels": {"tag": tag}},
            "rootfs": {"type": "layers", "diff_ids": [layer["diffID"] for layer in layers]},
        }
        described = self.blob(json.dumps(config).encode(), "config.v1+json")
        manifest = {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": described,
            "layers": [layer["blob"] for layer in layers],
        }
        self.ids[tag] = described["digest"]
        self.files[tag] = {name: digest for layer in layers for name, digest in layer["files"].items()}
        entry = self.blob(json.dumps(manifest).encode(), "manifest.v1+json")
        return entry | {"annotations": {"org.opencontainers.image.ref.name": tag}}
