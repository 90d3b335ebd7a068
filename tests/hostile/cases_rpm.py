# rpm databases (SQLite, Berkeley DB, ndb) that are broken, endless or lie about their sizes.
import os
import sqlite3
import struct

from case import case
from layout import gzipped, oci
from tarmaker import archive, file, usual

UNREAD = "the database is there and could not be read"
SQLITE, BDB, NDB = (f"usr/lib/sysimage/rpm/{x}" for x in ("rpmdb.sqlite", "Packages", "Packages.db"))
RELEASE = b'ID=fedora\nVERSION_ID=40\nNAME="Fedora Linux"\n'
STRING, INT32, BINARY, STRING_ARRAY = 6, 4, 7, 8
NAME, VERSION, RELEASE_TAG, ARCH, SOURCE = 1000, 1001, 1002, 1022, 1044


def header(name=b"honest", version=b"1.0", tags=None, count=None, length=None):
    """The header of one package as rpm stores it: index entries, then the data they point into."""
    data, entries = b"", []
    for tag, value in [(NAME, name), (VERSION, version), (RELEASE_TAG, b"1"), (ARCH, b"x86_64"),
                       (SOURCE, name + b"-1.0-1.src.rpm")]:
        entries.append((tag, STRING, len(data), 1))
        data += value + b"\0"
    entries.extend(tags or [])
    out = struct.pack(">II", len(entries) if count is None else count, len(data) if length is None else length)
    return out + b"".join(struct.pack(">IIiI", *e) for e in entries) + data


def sqlite(d, *blobs, schema=None):
    path = f"{d}/db"
    base = sqlite3.connect(path)
    base.execute(schema or "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    for blob in blobs:
        base.execute("INSERT INTO Packages (blob) VALUES (?)", (blob,))
    base.commit()
    base.close()
    with open(path, "rb") as f:
        data = f.read()
    os.unlink(path)
    return data


def database(name, attack, exits, why, path, make, **more):
    @case("rpm-" + name, attack, exits, why, coverage="packages" if exits != 0 else "", **more)
    def build(d):
        data = make(d)
        return oci(d, gzipped(archive(*usual(), file("etc/os-release", RELEASE), file(path, data)), 1))


# --- SQLite
database("sqlite-control", "an honest SQLite database of one package", 0, "the control", SQLITE, lambda d: sqlite(d, header()))
database("sqlite-noise", "rpmdb.sqlite of noise", 3, UNREAD, SQLITE, lambda d: bytes(range(256)) * 64)
database("sqlite-empty", "rpmdb.sqlite of no bytes", (0, 3), "an empty SQLite database has no packages; or unread", SQLITE, lambda d: b"")
database("sqlite-cut", "rpmdb.sqlite cut in the middle", 3, UNREAD, SQLITE,
         lambda d: (lambda x: x[:len(x) // 2])(sqlite(d, *[header() + bytes(3000)] * 50)))
database("sqlite-pages-noise", "rpmdb.sqlite whose pages after the first are noise", 3, UNREAD, SQLITE,
         lambda d: (lambda x: x[:4096] + b"\xa5" * (len(x) - 4096))(sqlite(d, *[header() + bytes(3000)] * 50)))
database("sqlite-no-table", "a SQLite database without the table Packages", 3, UNREAD, SQLITE,
         lambda d: sqlite(d, schema="CREATE TABLE Other (x)"))
database("sqlite-view-endless", "Packages is a view that yields rows for ever", 3, UNREAD + "; it ends", SQLITE, lambda d: sqlite(
    d, schema="CREATE VIEW Packages AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n AS hnum, zeroblob(64) AS blob FROM c"))
database("sqlite-view-no-rows", "Packages is a view that counts for ever and yields nothing", 3, UNREAD + "; it ends", SQLITE, lambda d: sqlite(
    d, schema="CREATE VIEW Packages AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
              "SELECT n AS hnum, x'00' AS blob FROM c WHERE n < 0"))
database("sqlite-view-memory", "Packages is a view that yields a blob of 900 MB", 3, UNREAD + "; memory is bounded", SQLITE, lambda d: sqlite(
    d, schema="CREATE VIEW Packages AS SELECT 1 AS hnum, zeroblob(900000000) AS blob"))
database("header-counts-huge", "a package header that claims 2^31 index entries", 3, UNREAD, SQLITE,
         lambda d: sqlite(d, header(count=0x80000000)))
database("header-length-huge", "a package header that claims 4 GiB of data", 3, UNREAD, SQLITE,
         lambda d: sqlite(d, header(length=0xFFFFFFFF)))
database("header-wrap", "a header whose counts, multiplied, wrap to a small number", 3, UNREAD, SQLITE,
         lambda d: sqlite(d, header(count=0x10000001)))
database("header-cut", "a header cut inside its data", 3, UNREAD, SQLITE, lambda d: sqlite(d, header()[:-6]))
database("header-empty", "a package row of no bytes", 3, UNREAD, SQLITE, lambda d: sqlite(d, b""))
database("header-offset-negative", "an index entry with a negative offset", (0, 3), "the package can still be read; or refused", SQLITE,
         lambda d: sqlite(d, header(tags=[(5000, STRING, -8, 1)])))
database("header-array-huge", "a file list that claims 2^31 names", (0, 3), "the package can still be read; or refused", SQLITE,
         lambda d: sqlite(d, header(tags=[(1117, STRING_ARRAY, 0, 0x7FFFFFFF), (1118, STRING_ARRAY, 0, 1), (1116, INT32, 0, 1)])))
database("header-type-odd", "an index entry of the unknown type 99", (0, 3), "rpm refuses it; or skipped", SQLITE,
         lambda d: sqlite(d, header(tags=[(5001, 99, 0, 1)])))
database("header-name-twice", "a header with two names", (0, 3), "one counts, or refused", SQLITE,
         lambda d: sqlite(d, header(tags=[(NAME, STRING, 7, 1)])))
database("header-dirindex-outside", "file names whose folder index is 4 billion", (0, 3), "no such folder: unowned, or refused", SQLITE,
         lambda d: sqlite(d, header(tags=[(1116, INT32, 0, 1), (1117, STRING_ARRAY, 0, 1), (1118, STRING_ARRAY, 0, 1)])))
database("escapes", "a package name with terminal escapes", (0, 3), "refused, or shown escaped", SQLITE,
         lambda d: sqlite(d, header(b"\x1b[2Jevil\nclean", b"1\x07\x9b")), terminal=True)
database("one-broken-row", "three packages, the second broken", 3, "two are listed, one is said to be unreadable", SQLITE,
         lambda d: sqlite(d, header(b"one"), header(count=0x80000000), header(b"three")))
database("many", "50,000 packages", 0, "legal but odd: read, usual verdict", SQLITE,
         lambda d: sqlite(d, *(header(b"p%d" % i) for i in range(50_000))))


# --- Berkeley DB, hash access method: page 0 describes the file, pages of buckets hold (key, data) pairs
def bdb_meta(page_size=4096, magic=0x061561, version=9, last=3, buckets=0, entries=1):
    meta = struct.pack("<IIIIIIBBBBIIIIII20s", 0, 1, 0, magic, version, page_size, 0, 8, 0, 0, 0, last, 0, entries, entries, 0,
                       bytes(20))
    meta += struct.pack("<IIIIII", buckets, 0, 0, 1, entries, 0x5E688DD1)  # the last one is the hash of the key "%$sniglet^&"
    return (meta + struct.pack("<I", 1)).ljust(4096, b"\0")


def bdb_page(number, kind, items, next_page=0, count=None, overlap=None):
    """A hash page: item offsets at its front, items from its end."""
    page, at, offsets = bytearray(4096), 4096, []
    for item in items:
        at -= len(item)
        page[at:at + len(item)] = item
        offsets.append(at)
    head = struct.pack("<IIIIIHHBB", 0, 1, number, 0, next_page, len(offsets) if count is None else count, at, 0, kind)
    page[:len(head)] = head
    for i, offset in enumerate(overlap or offsets):
        page[26 + 2 * i:28 + 2 * i] = struct.pack("<H", offset)
    return bytes(page)


def off_page(page, length):
    return struct.pack("<B3xII", 3, page, length)


def overflow(number, data, next_page):
    head = struct.pack("<IIIIIHHBB", 0, 1, number, 0, next_page, 1, len(data), 0, 7)
    return (head + data).ljust(4096, b"\0")


KEY = b"\x01" + struct.pack("<I", 1)


def bdb(item, *more, **meta):
    return lambda d: bdb_meta(**meta) + bdb_page(1, 13, [KEY, item]) + b"".join(more)


database("bdb-control", "an honest Berkeley DB of one package, kept on an overflow page", 0, "the control", BDB,
         lambda d: bdb(off_page(2, len(header())), overflow(2, header(), 0), last=2)(d))
database("bdb-noise", "Packages of noise", 3, UNREAD, BDB, lambda d: bytes(range(256)) * 64)
database("bdb-cut", "Packages cut inside its first page", 3, UNREAD, BDB, lambda d: bdb_meta()[:300])
database("bdb-page-size-zero", "a page size of 0", 3, UNREAD, BDB, bdb(KEY, page_size=0))
database("bdb-page-size-odd", "a page size of 4,097", 3, UNREAD, BDB, bdb(KEY, page_size=4097))
database("bdb-page-size-huge", "a page size of 2 GiB", 3, UNREAD, BDB, bdb(KEY, page_size=1 << 31))
database("bdb-version-odd", "version 77 of the hash format", (0, 3), "unknown: not guessed at; or read as far as it goes", BDB,
         bdb(off_page(2, len(header())), overflow(2, header(), 0), version=77, last=2))
database("bdb-overflow-cycle", "an overflow page that follows itself, for an item of 4 GiB", 3, UNREAD + "; it ends", BDB,
         bdb(off_page(2, 0xFFFFFFF0), overflow(2, bytes(4000), 2)))
database("bdb-overflow-pair", "two overflow pages that follow each other", 3, UNREAD + "; it ends", BDB,
         bdb(off_page(2, 1 << 30), overflow(2, bytes(4000), 3), overflow(3, bytes(4000), 2)))
database("bdb-overflow-beyond", "an overflow page past the end of the file", 3, UNREAD, BDB, bdb(off_page(4_000_000, 5000)))
database("bdb-overflow-short", "overflow pages that end before the item does", 3, UNREAD, BDB,
         bdb(off_page(2, 9000), overflow(2, header() + bytes(3000), 0)))
database("bdb-page-cycle", "a bucket page that follows itself", (0, 3), "read once; it ends", BDB,
         lambda d: bdb_meta() + bdb_page(1, 13, [KEY, off_page(2, len(header()))], next_page=1) + overflow(2, header(), 0))
database("bdb-item-count-huge", "a page that claims 65,535 items", 3, UNREAD, BDB,
         lambda d: bdb_meta() + bdb_page(1, 13, [KEY, off_page(2, 99)], count=65535) + overflow(2, header(), 0))
database("bdb-item-offset-outside", "items whose offsets lie outside of their page", 3, UNREAD, BDB,
         lambda d: bdb_meta() + bdb_page(1, 13, [KEY, off_page(2, 99)], overlap=[65535, 65000]) + overflow(2, header(), 0))
database("bdb-last-page-lies", "a page count of 4 billion", (0, 3), "bounded by the file", BDB,
         bdb(off_page(2, len(header())), overflow(2, header(), 0), last=0xFFFFFFFF))


# --- ndb: slots of 16 bytes in the first pages, blobs in blocks of 16 bytes
def ndb(slots, blobs=b"", pages=1, magic=b"RpmP", generation=1):
    head = struct.pack("<4sIIIIIII", magic, 0, generation, pages, len(slots) + 1, 0, 0, 0)
    body = head + b"".join(struct.pack("<4sIII", b"Slot", *s) for s in slots)
    return (body + b"Slot" + bytes(12)).ljust(4096 * min(pages, 1), b"\0") + blobs if pages else body


def ndb_blob(data, index=1, length=None):
    import zlib
    length = len(data) if length is None else length
    blob = struct.pack("<4sIII", b"BlbS", index, 1, length) + data
    blob += bytes(-len(blob) % 4)
    blob += bytes((-(len(blob) + 12)) % 16)
    return blob + struct.pack("<I", zlib.adler32(blob)) + struct.pack("<I", length) + b"BlbE"


database("ndb-noise", "Packages.db of noise", 3, UNREAD, NDB, lambda d: bytes(range(256)) * 64)
database("ndb-cut", "Packages.db cut inside its head", 3, UNREAD, NDB, lambda d: ndb([])[:20])
database("ndb-slots-huge", "Packages.db that claims 4 billion pages of slots", 3, UNREAD, NDB,
         lambda d: struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 0xFFFFFFFF, 5, 0, 0, 0) + bytes(8192))
database("ndb-blob-beyond", "a slot whose blob lies past the end of the file", 3, UNREAD, NDB,
         lambda d: ndb([(1, 1 << 28, 64)], ndb_blob(header())))
database("ndb-blob-wrap", "a slot whose offset and length, in blocks, wrap around 2^32", 3, UNREAD, NDB,
         lambda d: ndb([(1, 0xFFFFFFFF, 0xFFFFFFFF)], ndb_blob(header())))
database("ndb-blob-length-lies", "a blob that claims 4 GiB", 3, UNREAD, NDB,
         lambda d: ndb([(1, 256, len(ndb_blob(header())) // 16)], ndb_blob(header(), length=0xFFFFFFFF)))
database("ndb-blobs-shared", "200 slots that all point to one blob", (0, 3), "each is one package number; or refused", NDB,
         lambda d: ndb([(i + 1, 256, len(ndb_blob(header())) // 16) for i in range(200)], ndb_blob(header())))
