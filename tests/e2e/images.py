#!/usr/bin/python3
"""Images written by hand: layers from entries, OCI layouts, docker archives.

Independent of careen's own code and of any container tool, so that a test controls
every byte: which links, whiteouts, platforms and compressions an image has.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile

from support import sha256_of, sha256_of_file

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
TYPES = {
    "oci": {
        "manifest": OCI + "manifest.v1+json", "index": OCI + "index.v1+json",
        "config": OCI + "config.v1+json", "none": OCI + "layer.v1.tar",
        "gz": OCI + "layer.v1.tar+gzip", "zst": OCI + "layer.v1.tar+zstd",
    },
    "docker": {
        "manifest": DOCKER + "distribution.manifest.v2+json",
        "index": DOCKER + "distribution.manifest.list.v2+json",
        "config": DOCKER + "container.image.v1+json",
        "none": DOCKER + "image.rootfs.diff.tar",
        "gz": DOCKER + "image.rootfs.diff.tar.gzip",
    },
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386",
                 "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64"}
HOST = ARCHITECTURES.get(platform.machine(), "amd64")


# --- entries ---

def entry(path, kind, mode, data=b"", uid=0, gid=0, **fields):
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.uid, info.gid, info.size = kind, mode, uid, gid, len(data)
    info.mtime = 1700000000
    for name, value in fields.items():
        setattr(info, name, value)
    return info, data


def d(path, mode=0o755, **kw):
    return entry(path, tarfile.DIRTYPE, mode, **kw)


def f(path, data=b"", mode=0o644, **kw):
    return entry(path, tarfile.REGTYPE, mode, data.encode() if isinstance(data, str) else data, **kw)


def sym(path, target, **kw):
    return entry(path, tarfile.SYMTYPE, 0o777, linkname=target, **kw)


def hard(path, target, **kw):
    return entry(path, tarfile.LNKTYPE, 0o644, linkname=target, **kw)


def char(path, major, minor, mode=0o666, **kw):
    return entry(path, tarfile.CHRTYPE, mode, devmajor=major, devminor=minor, **kw)


def fifo(path, mode=0o644, **kw):
    return entry(path, tarfile.FIFOTYPE, mode, **kw)


def whiteout(path):
    head, _, name = path.rpartition("/")
    return f(f"{head}/.wh.{name}" if head else f".wh.{name}", mode=0o600)


def opaque(path):
    return f(f"{path}/.wh..wh..opq", mode=0o600)


class Layer:
    """One layer: its tar (bytes, or a file for big ones) and the step that made it."""

    def __init__(self, source, created_by="ADD layer", form=tarfile.PAX_FORMAT):
        self.created_by = created_by
        self.path, self._bytes = None, None
        if isinstance(source, (str, os.PathLike)):
            self.path = pathlib.Path(source)
            self.hex = _hash_once(self.path)
        else:
            self._bytes = source if isinstance(source, bytes) else pack(source, form)
            self.hex = sha256_of(self._bytes)
        self.diff_id = "sha256:" + self.hex

    @property
    def data(self):
        return self._bytes if self._bytes is not None else self.path.read_bytes()

    def blob(self, compression):
        return compress(self.data, compression)


_hashes = {}


def _hash_once(path):
    key = (str(path), path.stat().st_mtime_ns, path.stat().st_size)
    if key not in _hashes:
        _hashes[key] = sha256_of_file(path)
    return _hashes[key]


def pack(entries, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def compress(data, how):
    if how == "none":
        return data
    if how == "gz":
        return gzip.compress(data, 1, mtime=0)
    if how == "xz":
        return lzma.compress(data, preset=0)
    if how == "bz2":
        return bz2.compress(data, 1)
    if how == "zst":
        return subprocess.run(["zstd", "-q", "-1", "-c"], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    raise ValueError(how)


# --- configuration ---

def config_of(layers, arch=HOST, variant=None, claims=None, **run):
    """An image configuration; `run` is its config object (Entrypoint, Cmd, Env, ...), but for a `history` of its own."""
    history = run.pop("history", None)
    config = {
        "created": "2026-01-02T03:04:05Z", "architecture": arch, "os": "linux",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": claims or [l.diff_id for l in layers]},
        "history": history or [{"created": "2026-01-02T03:04:05Z", "created_by": l.created_by}
                               for l in layers],
    }
    if variant:
        config["variant"] = variant
    return json.dumps(config, sort_keys=True).encode()


# --- OCI layout ---

class OciLayout:
    """An OCI image layout directory; many tags share one set of blobs."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.blobs = self.path / "blobs" / "sha256"
        self.blobs.mkdir(parents=True, exist_ok=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self.manifests = []
        self._write_index()

    def _write_index(self):
        (self.path / "index.json").write_text(json.dumps(
            {"schemaVersion": 2, "mediaType": TYPES["oci"]["index"],
             "manifests": self.manifests}, indent=1))

    def blob_path(self, digest):
        return self.blobs / digest.removeprefix("sha256:")

    def add_blob(self, data, media_type):
        hexa = sha256_of(data)
        path = self.blobs / hexa
        if not path.exists():
            path.write_bytes(data)
        return {"mediaType": media_type, "digest": "sha256:" + hexa, "size": len(data)}

    def add_layer(self, layer, media_type, compression):
        if compression != "none" or layer.path is None:
            return self.add_blob(layer.blob(compression), media_type)
        path = self.blobs / layer.hex
        if not path.exists():
            try:
                os.link(layer.path, path)
            except OSError:
                shutil.copyfile(layer.path, path)
        return {"mediaType": media_type, "digest": layer.diff_id,
                "size": path.stat().st_size}

    def manifest(self, layers, compression="gz", flavour="oci", arch=HOST, variant=None,
                 claims=None, annotations=None, **run):
        """Writes config, layers and manifest; returns the manifest's descriptor."""
        types = TYPES[flavour]
        config = self.add_blob(config_of(layers, arch, variant, claims, **run), types["config"])
        doc = {"schemaVersion": 2, "mediaType": types["manifest"], "config": config,
               "layers": [self.add_layer(l, types[compression], compression) for l in layers]}
        if annotations:
            doc["annotations"] = annotations
        return self.add_blob(json.dumps(doc).encode(), types["manifest"])

    def index(self, descriptors, flavour="oci"):
        types = TYPES[flavour]
        doc = {"schemaVersion": 2, "mediaType": types["index"], "manifests": descriptors}
        return self.add_blob(json.dumps(doc).encode(), types["index"])

    def attestation(self, subject):
        """The manifest BuildKit adds beside an image: platform unknown/unknown."""
        statement = self.add_blob(b'{"_type":"https://in-toto.io/Statement/v0.1"}',
                                  "application/vnd.in-toto+json")
        config = self.add_blob(json.dumps(
            {"architecture": "unknown", "os": "unknown", "config": {},
             "rootfs": {"type": "layers", "diff_ids": [statement["digest"]]}}).encode(),
            TYPES["oci"]["config"])
        doc = {"schemaVersion": 2, "mediaType": TYPES["oci"]["manifest"],
               "config": config, "layers": [{**statement, "annotations": {"in-toto.io/predicate-type": "https://spdx.dev/Document"}}]}
        descriptor = self.add_blob(json.dumps(doc).encode(), TYPES["oci"]["manifest"])
        return {**descriptor, "platform": {"architecture": "unknown", "os": "unknown"},
                "annotations": {"vnd.docker.reference.type": "attestation-manifest",
                                "vnd.docker.reference.digest": subject["digest"]}}

    def tag(self, name, descriptor):
        named = {**descriptor}
        if name is not None:
            named["annotations"] = {**descriptor.get("annotations", {}),
                                    "org.opencontainers.image.ref.name": name}
        self.manifests.append(named)
        self._write_index()
        return descriptor

    def add(self, name, layers, **kw):
        """An image under a tag; returns `oci-dir:` reference text."""
        self.tag(name, self.manifest(layers, **kw))
        return f"oci-dir:{self.path}" + (f":{name}" if name else "")

    def read(self, digest):
        return self.blob_path(digest).read_bytes()


def on_platform(descriptor, arch, variant=None):
    platform_ = {"os": "linux", "architecture": arch}
    if variant:
        platform_["variant"] = variant
    return {**descriptor, "platform": platform_}


def pack_directory(directory, out, top=""):
    """A tar of a directory's content, sorted, as an archive tool would write it."""
    with tarfile.open(out, "w") as tar:
        for path in sorted(pathlib.Path(directory).rglob("*")):
            tar.add(path, arcname=top + str(path.relative_to(directory)), recursive=False)
    return out


# --- docker archives ---

def docker_archive_legacy(path, images):
    """As `docker save` wrote until 24: a directory a layer, repeated layers as links.

    `images` is a list of (list of repo tags, layers, run configuration).
    """
    first_home = {}
    manifest, repositories = [], {}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        def put(info_data):
            tar.addfile(info_data[0], io.BytesIO(info_data[1]))
        for tags, layers, run in images:
            config = config_of(layers, **run)
            config_name = sha256_of(config) + ".json"
            parent, names = "", []
            for layer in layers:
                chain = sha256_of((parent + layer.hex + config_name).encode())
                put(d(chain))
                put(f(f"{chain}/VERSION", b"1.0"))
                put(f(f"{chain}/json", json.dumps(
                    {"id": chain, **({"parent": parent} if parent else {})}).encode()))
                if layer.hex in first_home:
                    put(sym(f"{chain}/layer.tar", f"../{first_home[layer.hex]}/layer.tar"))
                else:
                    first_home[layer.hex] = chain
                    put(f(f"{chain}/layer.tar", layer.data))
                names.append(f"{chain}/layer.tar")
                parent = chain
            put(f(config_name, config))
            manifest.append({"Config": config_name, "RepoTags": tags or None, "Layers": names})
            for tag in tags:
                name, _, version = tag.rpartition(":")
                repositories.setdefault(name, {})[version] = parent
        put(f("manifest.json", json.dumps(manifest).encode()))
        put(f("repositories", json.dumps(repositories).encode()))
    return path


def docker_archive_modern(path, images, compression="none"):
    """As `docker save` writes since 25: an OCI layout with a manifest.json beside it."""
    seen = set()
    manifest, index = [], []
    types = TYPES["oci"]
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        def put(name, data):
            info, _ = f(name, data)
            tar.addfile(info, io.BytesIO(data))

        def blob(data, media_type):
            hexa = sha256_of(data)
            if hexa not in seen:
                seen.add(hexa)
                put(f"blobs/sha256/{hexa}", data)
            return {"mediaType": media_type, "digest": "sha256:" + hexa, "size": len(data)}

        for tags, layers, run in images:
            config = blob(config_of(layers, **run), types["config"])
            rows = [blob(l.blob(compression), types[compression]) for l in layers]
            doc = {"schemaVersion": 2, "mediaType": types["manifest"], "config": config,
                   "layers": rows}
            descriptor = blob(json.dumps(doc).encode(), types["manifest"])
            for tag in tags or [None]:
                notes = {"io.containerd.image.name": f"docker.io/library/{tag}",
                         "org.opencontainers.image.ref.name": tag.rpartition(":")[2]} if tag else {}
                index.append({**descriptor, "annotations": notes})
            manifest.append({
                "Config": "blobs/sha256/" + config["digest"][7:], "RepoTags": tags or None,
                "Layers": ["blobs/sha256/" + r["digest"][7:] for r in rows],
                "LayerSources": {l.diff_id: r for l, r in zip(layers, rows)}})
        put("index.json", json.dumps({"schemaVersion": 2, "mediaType": types["index"],
                                      "manifests": index}).encode())
        put("manifest.json", json.dumps(manifest).encode())
        put("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    return path
