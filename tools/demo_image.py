#!/usr/bin/python3
"""An OCI layout of one root file system tar, with sshd as its command; --poison puts a library over liblzma in a second layer."""
import argparse
import gzip
import hashlib
import io
import json
import os
import tarfile


def blob(out, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(out, "blobs", "sha256", digest), "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def layer(out, tar):
    return blob(out, gzip.compress(tar, 1, mtime=0)) | {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}, "sha256:" + hashlib.sha256(tar).hexdigest()


def liblzma_path(tar):
    with tarfile.open(tar) as t:
        for name in t.getnames():
            if os.path.basename(name).startswith("liblzma.so.5.") and "/usr/lib/" in "/" + name:
                return name.lstrip("./")
    raise SystemExit("the image has no liblzma")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("tar")
    p.add_argument("out")
    p.add_argument("--poison")
    a = p.parse_args()
    os.makedirs(os.path.join(a.out, "blobs", "sha256"))
    with open(a.tar, "rb") as f:
        layers = [layer(a.out, f.read())]
    steps = ["mmdebstrap --variant=minbase --include=openssh-server"]
    if a.poison:
        buf = io.BytesIO()
        with tarfile.open(fileobj=buf, mode="w") as t:
            t.add(a.poison, liblzma_path(a.tar), filter=lambda i: (setattr(i, "mtime", 0), setattr(i, "uid", 0), setattr(i, "gid", 0), i)[-1])
        layers.append(layer(a.out, buf.getvalue()))
        steps.append("COPY liblzma.so.5 /usr/lib/  # the poisoned step")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    config = blob(a.out, json.dumps({
        "os": "linux", "architecture": machine, "config": {"Cmd": ["/usr/sbin/sshd", "-D"], "ExposedPorts": {"22/tcp": {}}},
        "rootfs": {"type": "layers", "diff_ids": [d for _, d in layers]}, "history": [{"created_by": s} for s in steps]}).encode())
    manifest = blob(a.out, json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config | {"mediaType": "application/vnd.oci.image.config.v1+json"}, "layers": [d for d, _ in layers]}).encode())
    with open(os.path.join(a.out, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [manifest | {"mediaType": "application/vnd.oci.image.manifest.v1+json"}]}, f)
    with open(os.path.join(a.out, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion": "1.0.0"}')


main()
