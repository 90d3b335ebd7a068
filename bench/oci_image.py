#!/usr/bin/python3
"""Layer tars to an OCI layout directory, and one root tar to several layer tars.

Used by make_images.sh and make_synthetic.py. Written apart from careen's own code, so that the benchmark images
do not depend on what they measure.

  oci_image.py --compression gz|zst [--tag NAME] OUTDIR LAYER.tar...
  oci_image.py --split 790,690,173 --base BASE.tar ROOT.tar LAYER.tar...
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile

CHUNK = 1 << 20
MEDIA = "application/vnd.oci.image."
COMPRESSORS = {
    "gz": (["gzip", "-n", "-c"], 6, MEDIA + "layer.v1.tar+gzip"),
    "zst": (["zstd", "-q", "-c"], 3, MEDIA + "layer.v1.tar+zstd"),
}


class BlobStore:
    """blobs/sha256 of one layout; names are known only when the bytes are written."""

    def __init__(self, layout):
        self.dir = os.path.join(layout, "blobs", "sha256")
        os.makedirs(self.dir, exist_ok=True)

    def put(self, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.dir, digest), "wb") as file:
            file.write(data)
        return "sha256:" + digest, len(data)

    def adopt(self, path):
        """Takes over a finished file."""
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        size = os.path.getsize(path)
        os.replace(path, os.path.join(self.dir, digest.hexdigest()))
        return "sha256:" + digest.hexdigest(), size


def compress_layer(store, chunks, compression, level):
    """Runs the tar bytes through the compressor; returns the layer's descriptor and its diff ID."""
    program, default_level, media_type = COMPRESSORS[compression]
    command = program + ["-%d" % (level or default_level)]
    part = os.path.join(store.dir, "layer.part")
    diff = hashlib.sha256()
    with open(part, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out)
        for chunk in chunks:
            diff.update(chunk)
            process.stdin.write(chunk)
        process.stdin.close()
        if process.wait() != 0:
            sys.exit("oci_image: %s failed" % command[0])
    digest, size = store.adopt(part)
    return {"mediaType": media_type, "digest": digest, "size": size}, "sha256:" + diff.hexdigest()


def write_layout(out, tag, layers, compression, level=None):
    """layers: iterable of iterables of bytes (each one an uncompressed tar); level: of compression."""
    store = BlobStore(out)
    descriptors, diff_ids = [], []
    for chunks in layers:
        descriptor, diff_id = compress_layer(store, chunks, compression, level)
        descriptors.append(descriptor)
        diff_ids.append(diff_id)
    config = {
        "created": "2023-11-14T22:13:20Z",
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/bash"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "bench layer %d" % (i + 1)} for i in range(len(diff_ids))],
    }
    digest, size = store.put(json.dumps(config).encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": MEDIA + "manifest.v1+json",
        "config": {"mediaType": MEDIA + "config.v1+json", "digest": digest, "size": size},
        "layers": descriptors,
    }
    digest, size = store.put(json.dumps(manifest).encode())
    index = {
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": MEDIA + "manifest.v1+json", "digest": digest, "size": size,
            "platform": {"architecture": "amd64", "os": "linux"},
            "annotations": {"org.opencontainers.image.ref.name": tag},
        }],
    }
    with open(os.path.join(out, "index.json"), "w", encoding="utf-8") as file:
        json.dump(index, file)
    with open(os.path.join(out, "oci-layout"), "w", encoding="utf-8") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')


def read_chunks(path):
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def facts_of(tar, member):
    """What makes two entries of the same path the same file (times apart)."""
    digest = None
    if member.isreg():
        digest = hashlib.sha256(tar.extractfile(member).read()).digest()
    return member.type, member.mode, member.uid, member.gid, member.linkname, digest


def split_root(root, base, shares, outputs):
    """What ROOT has beside BASE, dealt to the outputs in path order by share of bytes. Files that BASE has in
    another form (the package database, mostly) go into the last one, as a later build step would have left them."""
    with tarfile.open(base) as tar:
        known = {member.name: facts_of(tar, member) for member in tar}
    with tarfile.open(root) as tar:
        todo, changed, directories = [], [], {}
        for member in tar:
            if member.isdir():
                directories[member.name] = member
            elif member.name not in known:
                todo.append(member)
            elif known[member.name] != facts_of(tar, member):
                changed.append(member)
        total = sum(member.size for member in todo)
        bounds, running = [], 0
        for share in shares:
            running += share
            bounds.append(total * running / sum(shares))
        place, done = {}, 0
        groups = [[] for _ in shares]
        for member in todo:
            index = min(sum(done >= bound for bound in bounds), len(shares) - 1)
            if member.islnk() and member.linkname in place:
                index = place[member.linkname]  # a hard link stays with its target
            place[member.name] = index
            groups[index].append(member)
            done += member.size
        groups[-1].extend(changed)
        for output, group in zip(outputs, groups):
            write_tar(tar, group, directories, output)


def write_tar(source, members, directories, output):
    written = set()
    with tarfile.open(output, "w", format=tarfile.GNU_FORMAT) as out:
        for member in members:
            parts = member.name.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                parent = "/".join(parts[:depth])
                if parent in directories and parent not in written:
                    out.addfile(directories[parent])
                    written.add(parent)
            out.addfile(member, source.extractfile(member) if member.isreg() else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compression", choices=sorted(COMPRESSORS))
    parser.add_argument("--tag", default="latest")
    parser.add_argument("--split", metavar="SHARES")
    parser.add_argument("--base", metavar="BASE.tar")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    if args.split:
        shares = [int(share) for share in args.split.split(",")]
        if not args.base or len(args.files) != len(shares) + 1:
            parser.error("--split wants --base, the root tar and one output for each share")
        split_root(args.files[0], args.base, shares, args.files[1:])
    elif args.compression and len(args.files) > 1:
        write_layout(args.files[0], args.tag, (read_chunks(path) for path in args.files[1:]), args.compression)
    else:
        parser.error("nothing to do")


if __name__ == "__main__":
    main()
