"""Writes OCI image layouts from a list of layers, for tests.

A layer is a list of entries (or ready-made tar bytes). An entry is an `Entry`,
or a tuple `(path, type, mode, content, link)` whose tail may be left out.
Every digest is computed here from the bytes written, so that a layout is right
unless a test asks for a lie (see `config` of build_layout).

    build_layout("img", [[directory("etc"), file("etc/motd", b"hi\\n")],
                         [whiteout("etc/motd")]])
"""
import collections
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile

Entry = collections.namedtuple(
    "Entry", "path type mode content link uid gid mtime device xattrs",
    defaults=("file", None, b"", None, 0, 0, 0, (0, 0), None))

Built = collections.namedtuple(
    "Built", "directory tag manifest_digest config_digest layer_digests diff_ids layer_sizes")

TAR_TYPES = {
    "file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE, "char": tarfile.CHRTYPE, "block": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
}
DEFAULT_MODES = {"file": 0o644, "dir": 0o755, "symlink": 0o777, "hardlink": 0o644,
                 "char": 0o600, "block": 0o600, "fifo": 0o644}
SUFFIX = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
REF_NAME = "org.opencontainers.image.ref.name"


# Short ways to spell entries.

def file(path, content=b"", mode=0o644, **more):
    return Entry(path, "file", mode, content, **more)


def directory(path, mode=0o755, **more):
    return Entry(path, "dir", mode, **more)


def symlink(path, target, **more):
    return Entry(path, "symlink", 0o777, link=target, **more)


def hardlink(path, target, **more):
    return Entry(path, "hardlink", 0o644, link=target, **more)


def whiteout(path):
    """Hides `path` of the layers below."""
    return Entry(path, "whiteout")


def opaque(path):
    """Hides everything that the layers below have in the directory `path`."""
    return Entry(path, "opaque")


def with_parents(entries):
    """The entries, with a directory before each path whose parents are not listed yet.

    Meant for base layers: in a later layer a directory entry replaces a link of the same name.
    """
    seen, out = set(), []
    for entry in map(as_entry, entries):
        parts = entry.path.strip("/").split("/")
        for end in range(1, len(parts)):
            parent = "/".join(parts[:end])
            if parent not in seen:
                seen.add(parent)
                out.append(directory(parent))
        seen.add("/".join(parts))
        out.append(entry)
    return out


def as_entry(value):
    return value if isinstance(value, Entry) else Entry(*value)


# Layers.

def tar_info(entry):
    path = entry.path.decode("utf-8", "surrogateescape") if isinstance(entry.path, bytes) \
        else entry.path
    kind, content = entry.type, entry.content
    if isinstance(content, str):
        content = content.encode()
    if kind in ("whiteout", "opaque"):
        head, _, tail = path.rstrip("/").rpartition("/")
        if kind == "whiteout":
            path = (head + "/" if head else "") + ".wh." + tail
        else:
            path = path.rstrip("/") + "/.wh..wh..opq" if path.strip("/") else ".wh..wh..opq"
        kind, content = "file", b""
    info = tarfile.TarInfo(path)
    info.type = TAR_TYPES[kind]
    info.mode = DEFAULT_MODES[kind] if entry.mode is None else entry.mode
    info.uid, info.gid, info.mtime = entry.uid, entry.gid, entry.mtime
    if kind in ("symlink", "hardlink"):
        link = entry.link
        info.linkname = link.decode("utf-8", "surrogateescape") if isinstance(link, bytes) else link
    if kind in ("char", "block"):
        info.devmajor, info.devminor = entry.device
    if kind == "file":
        info.size = len(content or b"")
    for name, value in (entry.xattrs or {}).items():
        info.pax_headers["SCHILY.xattr." + name] = \
            value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    return info, (content or b"") if kind == "file" else b""


def tar_layer(entries):
    """The bytes of an uncompressed layer."""
    if isinstance(entries, (bytes, bytearray)):
        return bytes(entries)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT,
                      errors="surrogateescape") as tar:
        for entry in entries:
            info, content = tar_info(as_entry(entry))
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return out.getvalue()


def compress(data, how):
    if how == "none":
        return data
    if how == "gzip":
        return gzip.compress(data, compresslevel=1, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c", "-1", "--no-check"], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    raise ValueError("compression is gzip, zstd or none, not %r" % (how,))


# Layouts.

def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def put_blob(directory, data):
    """Stores a blob and gives its digest."""
    digest = digest_of(data)
    folder = os.path.join(directory, "blobs", "sha256")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, digest[7:]), "wb") as out:
        out.write(data)
    return digest


def put_json(directory, value):
    data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return put_blob(directory, data), len(data)


def make_config(diff_ids, platform, config):
    os_name, _, rest = platform.partition("/")
    arch, _, variant = rest.partition("/")
    full = {
        "architecture": arch, "os": os_name, "config": {},
        "created": "1970-01-01T00:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "layer %d" % number}
                    for number in range(len(diff_ids))],
    }
    if variant:
        full["variant"] = variant
    full.update(config or {})
    return full


def read_index(directory):
    path = os.path.join(directory, "index.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as text:
            return json.load(text)
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}


def add_to_index(directory, descriptor, tag):
    """Puts a descriptor into index.json under a tag; one that had the tag loses its place."""
    index = read_index(directory)
    if tag is not None:
        descriptor = dict(descriptor, annotations={REF_NAME: tag})
        index["manifests"] = [row for row in index["manifests"]
                              if row.get("annotations", {}).get(REF_NAME) != tag]
    index["manifests"].append(descriptor)
    with open(os.path.join(directory, "index.json"), "w", encoding="utf-8") as out:
        json.dump(index, out)
    with open(os.path.join(directory, "oci-layout"), "w", encoding="utf-8") as out:
        json.dump({"imageLayoutVersion": "1.0.0"}, out)


def build_layout(directory, layers, config=None, tag="latest", compression="gzip",
                 platform="linux/amd64", annotations=None):
    """Writes (or extends) the OCI layout `directory` with one image and gives its digests.

    config       top-level members that replace those of the image configuration,
                 e.g. {"config": {"Cmd": ["/bin/sh"]}}; "rootfs" too, for a lie
    compression  gzip, zstd or none; or a list with one for each layer
    tag          None: the image is in index.json without a name
    """
    os.makedirs(directory, exist_ok=True)
    how = compression if isinstance(compression, (list, tuple)) else [compression] * len(layers)
    descriptors, diff_ids = [], []
    for layer, one in zip(layers, how):
        plain = tar_layer(layer)
        packed = compress(plain, one)
        diff_ids.append(digest_of(plain))
        descriptors.append({"mediaType": LAYER + SUFFIX[one], "size": len(packed),
                            "digest": put_blob(directory, packed)})
    full = make_config(diff_ids, platform, config)
    config_digest, config_size = put_json(directory, full)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": descriptors,
                "config": {"mediaType": CONFIG, "digest": config_digest, "size": config_size}}
    if annotations:
        manifest["annotations"] = annotations
    manifest_digest, manifest_size = put_json(directory, manifest)
    where = {"architecture": full["architecture"], "os": full["os"]}
    if "variant" in full:
        where["variant"] = full["variant"]
    add_to_index(directory, {"mediaType": MANIFEST, "digest": manifest_digest,
                             "size": manifest_size, "platform": where}, tag)
    return Built(directory, tag, manifest_digest, config_digest,
                 [row["digest"] for row in descriptors], diff_ids,
                 [row["size"] for row in descriptors])


def build_index(directory, images, tag="latest"):
    """Writes one image for several platforms: `images` maps a platform to its layers.

    Gives (digest of the index, {platform: Built}).
    """
    built, rows = {}, []
    for platform, layers in images.items():
        built[platform] = build_layout(directory, layers, tag="platform-row", platform=platform)
        index = read_index(directory)
        row = next(row for row in index["manifests"]
                   if row.get("annotations", {}).get(REF_NAME) == "platform-row")
        index["manifests"].remove(row)
        with open(os.path.join(directory, "index.json"), "w", encoding="utf-8") as out:
            json.dump(index, out)
        del row["annotations"]
        rows.append(row)
    digest, size = put_json(directory, {"schemaVersion": 2, "mediaType": INDEX, "manifests": rows})
    add_to_index(directory, {"mediaType": INDEX, "digest": digest, "size": size}, tag)
    return digest, built
