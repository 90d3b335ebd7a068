"""Seeds for the ndb parser (Packages.db). Named after the attack."""
import struct
import zlib

import rpm_header as rpm
import rpm_ndb as ndb

SMALL = {rpm.NAME: "a", rpm.VERSION: "1", rpm.RELEASE: "1", rpm.ARCH: "noarch"}
FIRST = ndb.PAGE // ndb.UNIT          # the first block behind one page of slots


def blobs(count=2):
    return [rpm.encode(dict(SMALL)) for _ in range(count)]


def one(slot=None, body=None, **head):
    """A file of one package, with a slot or a body of its own."""
    blob = blobs(1)[0]
    slot = ndb.slot(1, FIRST, ndb.blocks_of(len(blob))) if slot is None else slot
    return ndb.assemble([slot], ndb.blob_bytes(1, blob) if body is None else body, 1, **head)


def lying_blob(number=1, length=None, tail_length=None, magic=b"BlbS", tail=b"BlbE", adler=None):
    blob = blobs(1)[0]
    body = magic + ndb.pack(number, 0, len(blob) if length is None else length) + blob
    body += b"\0" * (ndb.blocks_of(len(blob)) * ndb.UNIT - 12 - len(body))
    return body + ndb.pack(zlib.adler32(body) if adler is None else adler,
                           len(blob) if tail_length is None else tail_length) + tail


def rpm_ndb():
    good = ndb.build(blobs())
    size = ndb.blocks_of(len(blobs(1)[0]))
    slots = [ndb.slot(number, FIRST, size) for number in range(1, 200)]
    return {
        "valid-two-packages": good,
        "valid-no-packages": ndb.assemble([], b"", 1),
        "valid-removed": ndb.build(blobs(4), removed=(1, 3)),
        "valid-two-slot-pages": ndb.build(blobs(260)),
        "valid-gaps": ndb.build(blobs(), gap=4),
        "empty": b"",
        "magic-only": b"RpmP",
        "header-only": ndb.header(1, 2),
        "magic-other": one(magic=b"RpmX"),
        "version-other": one(version=1),
        "slot-pages-zero": good[:12] + struct.pack("<I", 0) + good[16:],
        "slot-pages-huge": good[:12] + struct.pack("<I", 0xffffffff) + good[16:],
        "slot-pages-that-wrap": good[:12] + struct.pack("<I", 0x00100001) + good[16:],
        "slot-pages-past-end": good[:12] + struct.pack("<I", 4000) + good[16:],
        "slot-magic-other": one(slot=ndb.slot(1, FIRST, size, magic=b"Slop")),
        "slot-number-zero": one(slot=ndb.slot(0, FIRST, size)),
        "slot-number-other": one(slot=ndb.slot(7, FIRST, size)),
        "slot-inside-slot-page": one(slot=ndb.slot(1, 2, size)),
        "slot-no-blocks": one(slot=ndb.slot(1, FIRST, 0)),
        "slot-one-block": one(slot=ndb.slot(1, FIRST, 1)),
        "slot-blocks-huge": one(slot=ndb.slot(1, FIRST, 0xffffffff)),
        "slot-blocks-that-wrap": one(slot=ndb.slot(1, 0xfffffff0, 0x20)),
        "slot-offset-that-wraps": one(slot=ndb.slot(1, 0x10000000 + FIRST, size)),
        "slot-past-end": one(slot=ndb.slot(1, FIRST + 4000, size)),
        "slots-all-on-one-blob": ndb.assemble(slots, ndb.blob_bytes(1, blobs(1)[0]), 1),
        "slots-twice-one-number": ndb.assemble(
            [ndb.slot(1, FIRST, size)] * 2, ndb.blob_bytes(1, blobs(1)[0]), 1),
        "slots-that-overlap": ndb.assemble(
            [ndb.slot(1, FIRST, size), ndb.slot(2, FIRST + 1, size)],
            ndb.blob_bytes(1, blobs(1)[0]) + b"\0" * 64, 1),
        "blob-length-zero": one(body=lying_blob(length=0)),
        "blob-length-huge": one(body=lying_blob(length=0xffffffff)),
        "blob-length-that-wraps": one(body=lying_blob(length=0xffffffe5)),
        "blob-length-past-blocks": one(body=lying_blob(length=4000)),
        "blob-number-other": one(body=lying_blob(number=9)),
        "blob-magic-other": one(body=lying_blob(magic=b"BlbX")),
        "tail-length-other": one(body=lying_blob(tail_length=1)),
        "tail-magic-other": one(body=lying_blob(tail=b"BlbX")),
        "tail-checksum-other": one(body=lying_blob(adler=0)),
        "blob-empty": ndb.build([b""]),
        "blob-not-a-header": ndb.build([b"\xff" * 300]),
        "size-not-of-blocks": good + b"\0" * 5,
        "cut-in-slots": good[:2000],
        "cut-in-blob": good[:-40],
        "cut-behind-slots": good[:ndb.PAGE],
    }
