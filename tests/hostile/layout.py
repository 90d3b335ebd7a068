# Writes OCI layouts and docker archives whose every part may lie: a case bends the dictionaries before they are written.
import dataclasses
import gzip
import hashlib
import json
import os
import subprocess
import zlib

import tarmaker

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
TAR, GZIP, ZSTD = OCI + "layer.v1.tar", OCI + "layer.v1.tar+gzip", OCI + "layer.v1.tar+zstd"
NOWHERE = "sha256:" + "0" * 63 + "1"  # the digest of nothing that anyone has


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def as_json(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@dataclasses.dataclass
class Layer:
    """A layer blob and what is claimed of it. `digest`, `size` and `diff_id` are right unless a case sets them."""
    blob: bytes = b""
    diff_id: str = ""
    media: str = TAR
    digest: str = ""
    size: int = -1
    path: str = ""        # a big blob that lies in a file already
    absent: bool = False  # named by the manifest, not in the layout

    def descriptor(self):
        size = os.path.getsize(self.path) if self.path else len(self.blob)
        return {"mediaType": self.media, "digest": self.digest or sha(self.blob),
                "size": size if self.size < 0 else self.size}


def plain(tar, **fields):
    return Layer(tar, fields.pop("diff_id", sha(tar)), **fields)


def gzipped(tar, level=6, **fields):
    return Layer(gzip.compress(tar, level, mtime=0), fields.pop("diff_id", sha(tar)), fields.pop("media", GZIP), **fields)


def zstandard(tar, **fields):
    blob = subprocess.run(["zstd", "-q", "-c"], input=tar, stdout=subprocess.PIPE, check=True).stdout
    return Layer(blob, fields.pop("diff_id", sha(tar)), fields.pop("media", ZSTD), **fields)


def as_layer(layer):
    return plain(layer) if isinstance(layer, bytes) else layer


class BigGzip:
    """A gzip layer that is written piece by piece to a file, with its digests, and never held as a whole."""

    def __init__(self, path, level=1):
        self.path, self.blob_hash, self.diff_hash = path, hashlib.sha256(), hashlib.sha256()
        self.out = open(path, "wb")
        self.deflate = zlib.compressobj(level, zlib.DEFLATED, 31)

    def write(self, data):
        self.diff_hash.update(data)
        self._emit(self.deflate.compress(data))

    def _emit(self, data):
        self.blob_hash.update(data)
        self.out.write(data)

    def finish(self):
        self._emit(self.deflate.flush())
        self.out.close()
        return Layer(b"", "sha256:" + self.diff_hash.hexdigest(), GZIP, "sha256:" + self.blob_hash.hexdigest(),
                     path=self.path)


class Layout:
    """An OCI image layout on disk. Everything is stored under the digest that is claimed for it."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.blobs = os.path.join(self.folder, "blobs", "sha256")
        os.makedirs(self.blobs, exist_ok=True)
        self.store("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')

    def store(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(as_json(data))

    def blob_path(self, digest):
        return os.path.join(self.blobs, digest.partition(":")[2])

    def put(self, data, media, digest="", size=-1, **more):
        """Stores a blob, under a wrong digest if one is given; returns its descriptor."""
        data = as_json(data)
        digest = digest or sha(data)
        with open(self.blob_path(digest), "wb") as f:
            f.write(data)
        return {"mediaType": media, "digest": digest, "size": len(data) if size < 0 else size, **more}

    def layer(self, layer):
        layer = as_layer(layer)
        descriptor = layer.descriptor()
        target = self.blob_path(descriptor["digest"])
        if layer.path:
            os.replace(layer.path, target)
        elif not layer.absent:
            with open(target, "wb") as f:
                f.write(layer.blob)
        return descriptor

    def image(self, layers, config=None, manifest=None, config_digest="", manifest_digest=""):
        """Stores an image; `config` and `manifest` bend the dictionaries (and may return bytes instead)."""
        layers = [as_layer(x) for x in layers]
        conf = image_config([x.diff_id for x in layers])
        conf = (config(conf) or conf) if config else conf
        conf_at = self.put(conf, CONFIG, config_digest)
        man = {"schemaVersion": 2, "mediaType": MANIFEST, "config": conf_at, "layers": [self.layer(x) for x in layers]}
        man = (manifest(man) or man) if manifest else man
        return self.put(man, MANIFEST, manifest_digest)

    def index(self, *descriptors, **more):
        self.store("index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(descriptors), **more})
        return "oci-dir:" + self.folder


def image_config(diff_ids, **more):
    return {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/usr/bin"], "Cmd": ["/usr/bin/true"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created_by": f"step {i}"} for i in range(len(diff_ids))], **more}


def oci(folder, *layers, config=None, manifest=None, **digests):
    """The usual case: one image in one layout; returns the image argument."""
    layout = Layout(folder)
    return layout.index(layout.image(layers, config, manifest, **digests))


def docker_members(layers, tags=("case:latest",), prefix=""):
    """The members of a modern `docker save`: (name, data) pairs, manifest.json last and as a list of one."""
    members, names = [], []
    for i, tar in enumerate(layers):
        names.append(f"{prefix}layer{i}/layer.tar")
        members.append((names[-1], tar))
    conf = as_json(image_config([sha(x) for x in layers]))
    conf_name = sha(conf)[7:] + ".json"
    members.append((conf_name, conf))
    return members, {"Config": conf_name, "RepoTags": list(tags), "Layers": names}


def docker_archive(path, members, manifest):
    """`members` are (name, data) pairs or ready-made tar entries (bytes)."""
    entries = [m if isinstance(m, bytes) else tarmaker.file(*m) for m in members]
    if manifest is not None:
        entries.append(tarmaker.file("manifest.json", as_json(manifest)))
    with open(path, "wb") as f:
        f.write(tarmaker.archive(*entries))
    return "docker-archive:" + str(path)
