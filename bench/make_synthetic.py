#!/usr/bin/python3
"""Makes the two images that only size makes hard, as OCI layout directories with one gzip layer each.

  ten-gb   one layer of 10 GB uncompressed: large and small files of mixed content (text, code-like, zeros, noise)
  many     3 million files in one layer: most of them empty or tiny, as package managers' caches are
  many-distinct  the same, each with a content of its own

usage: make_synthetic.py OUT [ten-gb] [many] [many-distinct]      (all, if none is named; finished ones are kept)
Everything is streamed and the same on every machine; nothing is unpacked. Takes minutes.
"""
import hashlib
import os
import random
import shutil
import sys
import tarfile

sys.dont_write_bytecode = True
from oci_image import write_layout  # noqa: E402

MIB = 1 << 20
SEED = 20240329


def entry(name, size, mode=0o644, kind=tarfile.REGTYPE):
    """The header of one entry. Built by hand: tarfile's own way takes minutes for millions."""
    header = bytearray(512)
    encoded = name.encode()
    if len(encoded) > 100:
        raise ValueError("name too long for this writer")
    header[0:len(encoded)] = encoded
    header[100:108] = b"%07o\0" % mode
    header[108:124] = b"0000000\0" * 2
    # Sizes from 8 GiB on do not fit octal digits; none here is that large.
    header[124:136] = b"%011o\0" % size
    header[136:148] = b"%011o\0" % 1700000000
    header[148:156] = b" " * 8
    header[156:157] = kind
    header[257:265] = b"ustar\x0000"
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def padded(data):
    return data + b"\0" * (-len(data) % 512)


def directory(name):
    return entry(name + "/", 0, 0o755, tarfile.DIRTYPE)


class Content:
    """Megabytes of four kinds, made once and used over again at other offsets with a number stamped in."""

    def __init__(self):
        rng = random.Random(SEED)
        words = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz_", k=rng.randint(2, 12))) for _ in range(4000)]
        text = bytearray()
        while len(text) < MIB:
            text += b" ".join(rng.choices(words, k=rng.randint(4, 14))) + b"\n"
        # Machine code has few distinct byte groups in ever new order.
        groups = [rng.randbytes(rng.randint(3, 12)) for _ in range(800)]
        code = bytearray()
        while len(code) < MIB:
            code += b"".join(rng.choices(groups, k=64))
        self.kinds = [bytes(text[:MIB]), bytes(code[:MIB]), bytes(MIB), rng.randbytes(MIB)]

    def chunk(self, kind, number, size):
        """`size` bytes, different for every number."""
        source = self.kinds[kind]
        shift = number * 7919 % len(source)
        data = bytearray((source[shift:] + source[:shift])[:size])
        stamp = b"%016d" % number
        if size >= len(stamp):
            data[:len(stamp)] = stamp
        return bytes(data)


def ten_gb():
    """Chunks of a 10 GB tar: 64 directories, each with one file of 96 MiB and 300 small ones."""
    content = Content()
    number = 0
    total = 0
    folder = 0
    while total < 10_000_000_000:
        name = "srv/data%03d" % folder
        yield directory(name)
        size = 96 * MIB
        yield entry(name + "/large.bin", size)
        for _ in range(96):
            # mostly text and code, some zeros, a little noise
            yield content.chunk((0, 1, 0, 1, 2, 1, 0, 1, 0, 1, 2, 3)[number % 12], number, MIB)
            number += 1
        total += size
        for small in range(300):
            length = 200 + (number * 4001) % 120_000
            data = content.chunk(number % 2, number, length)
            if small % 10 == 0:
                data = b"#!/bin/sh\n" + data
            yield entry("%s/f%04d" % (name, small), len(data), 0o755 if small % 10 == 0 else 0o644) + padded(data)
            number += 1
            total += len(data) + 512
        folder += 1
    yield b"\0" * 1024


def many(count=3_000_000, every=10):
    """Chunks of a tar with `count` files, 1,000 to a directory; every tenth, or each of `every`, has a line of content."""
    batch = []
    for number in range(count):
        if number % 1000 == 0:
            yield b"".join(batch)
            batch = [directory("srv/cache/d%04d" % (number // 1000))]
        name = "srv/cache/d%04d/%s" % (number // 1000, hashlib.md5(b"%d" % number).hexdigest())
        if number % every == 0:
            data = b"entry %d\n" % number
            batch.append(entry(name, len(data)) + padded(data))
        else:
            batch.append(entry(name, 0))
    yield b"".join(batch)
    yield b"\0" * 1024


IMAGES = {"ten-gb": ten_gb, "many": many, "many-distinct": lambda: many(every=1)}


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(IMAGES):
        sys.exit(__doc__)
    out = sys.argv[1]
    for name in sys.argv[2:] or IMAGES:
        target = os.path.join(out, name + "-oci-gz")
        if os.path.isdir(target):
            continue
        part = target + ".part"
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        # Level 1: the level makes no difference to a reader's speed that matters here, but 10 GB at level 6 take long.
        write_layout(part, name, [IMAGES[name]()], "gz", level=1)
        os.rename(part, target)
        print(target)


if __name__ == "__main__":
    main()
