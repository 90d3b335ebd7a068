"""Writes Packages.db in rpm's ndb format (SUSE), from the description of the format.

All numbers are 32 bit little endian. The first 32 bytes are the file's header: magic
"RpmP", version, generation, pages of slots, next package number. Slots of 16 bytes
follow and fill whole pages of 4096 bytes: magic "Slot", package number, first block, number
of blocks; a slot whose first block is 0 is free. A block is 16 bytes. A blob is a head
("BlbS", package number, time, length), the bytes, zeros up to the last block, and a tail
(adler32 of all before it, length, "BlbE").
"""
import os
import struct
import zlib

PAGE, UNIT = 4096, 16
SLOTS_ON_FIRST_PAGE = PAGE // UNIT - 2
SLOTS_ON_PAGE = PAGE // UNIT


def pack(*numbers):
    return struct.pack("<%dI" % len(numbers), *numbers)


def header(pages, next_number, generation=1, version=0, magic=b"RpmP"):
    return (magic + pack(version, generation, pages, next_number)).ljust(32, b"\0")


def slot(number=0, first=0, blocks=0, magic=b"Slot"):
    return magic + pack(number, first, blocks)


def blocks_of(length):
    return (16 + length + 12 + UNIT - 1) // UNIT


def blob_bytes(number, data, time=1700000000):
    body = b"BlbS" + pack(number, time, len(data)) + data
    body += b"\0" * (blocks_of(len(data)) * UNIT - 12 - len(body))
    return body + pack(zlib.adler32(body), len(data)) + b"BlbE"


def pages_for(count):
    extra = max(0, count - SLOTS_ON_FIRST_PAGE)
    return 1 + (extra + SLOTS_ON_PAGE - 1) // SLOTS_ON_PAGE


def assemble(slots, body, pages=None, **head):
    """A file from its slots and what follows them."""
    pages = pages_for(len(slots)) if pages is None else pages
    out = header(pages, head.pop("next_number", len(slots) + 1), **head) + b"".join(slots)
    room = pages * PAGE - len(out)
    return out + slot() * (room // UNIT) + body


def build(blobs, removed=(), gap=0):
    """The bytes of a database; numbers count from 1 in the order of `blobs`.

    removed  numbers that were installed and removed: a free slot, zeros in place of the blob
    gap      unused blocks between blobs
    """
    pages = pages_for(len(blobs))
    slots, body = [], b""
    for number, data in enumerate(blobs, 1):
        first, blocks = (pages * PAGE + len(body)) // UNIT, blocks_of(len(data))
        if number in removed:
            slots.append(slot())
            body += b"\0" * (blocks * UNIT)
        else:
            slots.append(slot(number, first, blocks))
            body += blob_bytes(number, data)
        body += b"\0" * (gap * UNIT)
    return assemble(slots, body, pages)


def write(folder, blobs, **how):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "Packages.db"), "wb") as out:
        out.write(build(blobs, **how))
