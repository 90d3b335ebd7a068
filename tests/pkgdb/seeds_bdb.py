"""Seeds for the Berkeley DB hash parser. Named after the attack.

A page starts with: log number (8), page number, previous, next (4 each), number of entries (2),
free space or, on an overflow page, length (2), level (1), type (1). From byte 26 on a hash page
has the 16-bit places of its entries; an entry starts with its type (1 in place, 3 elsewhere:
then page number and length at bytes 4 and 8). The library writes the sound file; each seed
then changes a field.
"""
import struct

import rpm_bdb
import rpm_header as rpm

PAGE = 512
NUMBER, NEXT, ENTRIES, LENGTH, TYPE = 8, 16, 20, 22, 25
HASH, OVERFLOW = 13, 7


class File:
    """A database whose fields can be changed."""

    def __init__(self, data, order="<"):
        self.data, self.order = bytearray(data), order

    def get(self, at, form="I"):
        return struct.unpack_from(self.order + form, self.data, at)[0]

    def put(self, at, value, form="I"):
        struct.pack_into(self.order + form, self.data, at, value)
        return self

    def pages(self, kind):
        return [at for at in range(PAGE, len(self.data), PAGE) if self.data[at + TYPE] == kind]

    def places(self, page):
        """Where the entries of a hash page start in the file."""
        return [page + self.get(page + 26 + 2 * row, "H")
                for row in range(self.get(page + ENTRIES, "H"))]

    def elsewhere(self):
        """The entries that point at overflow pages."""
        return [place for page in self.pages(HASH) for place in self.places(page)
                if self.data[place] == 3]

    def copy(self):
        return File(bytes(self.data), self.order)


def headers():
    small = {rpm.NAME: "a", rpm.VERSION: "1", rpm.RELEASE: "1", rpm.ARCH: "noarch"}
    return [rpm.encode(small), rpm.encode(dict(small)),
            rpm.encode({**small, rpm.DESCRIPTION: "word " * 400})]


def meta(base):
    """The first page: what the whole file says about itself."""
    def put(at, value, form="I"):
        return base.copy().put(at, value, form)
    return {
        "meta-magic-btree": put(12, 0x00053162),
        "meta-magic-queue": put(12, 0x00042253),
        "meta-magic-other": put(12, 0),
        "meta-version-7": put(16, 7), "meta-version-99": put(16, 99),
        "meta-page-size-zero": put(20, 0), "meta-page-size-one": put(20, 1),
        "meta-page-size-25": put(20, 25), "meta-page-size-odd": put(20, 513),
        "meta-page-size-huge": put(20, 0x80000000), "meta-page-size-other": put(20, 4096),
        "meta-encrypted": put(24, 1, "B"), "meta-type-other": put(25, 9, "B"),
        "meta-checksums": put(26, 1, "B"),
        "meta-last-page-zero": put(32, 0), "meta-last-page-huge": put(32, 0xffffffff),
        "meta-max-bucket-huge": put(72, 0xffffffff), "meta-masks-huge": put(76, 0xffffffff),
        "meta-spares-huge": File(base.data[:96] + b"\xff" * 128 + base.data[224:]),
        "meta-spares-zero": File(base.data[:96] + b"\0" * 128 + base.data[224:]),
        "meta-spares-on-one-page": File(base.data[:96] + struct.pack("<I", 1) + b"\xff\xff\xff\xff"
                                        * 31 + base.data[224:]),
    }


def hash_pages(base):
    """The pages that hold keys and values."""
    page = next(at for at in base.pages(HASH) if base.get(at + ENTRIES, "H") >= 2)
    place = base.places(page)
    own = base.get(page + NUMBER)

    def put(at, value, form="I"):
        return base.copy().put(page + at, value, form)
    return {
        "cycle-next-page-is-itself": put(NEXT, own), "cycle-next-page-is-first": put(NEXT, 1),
        "next-page-past-end": put(NEXT, 0x7fffffff), "next-page-is-meta": put(NEXT, 0),
        "page-number-other": put(NUMBER, own + 1), "page-type-other": put(TYPE, 5, "B"),
        "page-type-zero": put(TYPE, 0, "B"),
        "entries-huge": put(ENTRIES, 0xffff, "H"), "entries-odd": put(ENTRIES, 1, "H"),
        "entries-fill-the-page": put(ENTRIES, (PAGE - 26) // 2, "H"),
        "place-past-page": put(26, 0xffff, "H"), "place-at-page-end": put(26, PAGE, "H"),
        "place-zero": put(26, 0, "H"), "place-inside-index": put(28, 27, "H"),
        "places-upward": put(28, place[0] - page + 1, "H"),
        "places-all-the-same": put(28, place[0] - page, "H"),
        "item-type-duplicates": put(place[1] - page, 2, "B"),
        "item-type-off-page-duplicates": put(place[1] - page, 4, "B"),
        "item-type-unknown": put(place[1] - page, 99, "B"),
        "key-off-page": put(place[0] - page, 3, "B"),
    }


def overflow_pages(base):
    """Values that lie on a chain of pages of their own."""
    value = base.elsewhere()[-1]
    first = base.get(value + 4)
    chain = first * PAGE

    def value_put(at, number):
        return base.copy().put(value + at, number)

    def chain_put(at, number, form="I"):
        return base.copy().put(chain + at, number, form)
    endless = chain_put(NEXT, first).put(value + 8, 0xffffffff)
    return {
        "cycle-overflow-page-is-itself": chain_put(NEXT, first),
        "cycle-overflow-pages": base.copy().put(base.get(chain + NEXT) * PAGE + NEXT, first),
        "cycle-overflow-pages-endless": endless,
        "cycle-overflow-empty-page": chain_put(NEXT, first).put(chain + LENGTH, 0, "H"),
        "overflow-ends-early": chain_put(NEXT, 0), "overflow-next-past-end": chain_put(NEXT,
            1 << 30),
        "overflow-next-is-hash-page": chain_put(NEXT, 1),
        "overflow-type-other": chain_put(TYPE, 5, "B"), "overflow-type-free": chain_put(TYPE, 0,
            "B"),
        "overflow-length-huge": chain_put(LENGTH, 0xffff, "H"),
        "overflow-length-past-page": chain_put(LENGTH, PAGE - 25, "H"),
        "overflow-number-other": chain_put(NUMBER, 1),
        "value-page-zero": value_put(4, 0), "value-page-past-end": value_put(4, 0xffffffff),
        "value-page-that-wraps": value_put(4, 0x00800000 + first),
        "value-page-is-hash-page": value_put(4, 1),
        "value-length-zero": value_put(8, 0), "value-length-huge": value_put(8, 0xffffffff),
        "value-length-2-gib": value_put(8, 0x7fffffff), "value-length-short": value_put(8, 9),
    }


def shared_chain(base):
    """Every value points at the same long chain: much to read from a small file."""
    out = base.copy()
    value = out.elsewhere()[-1]
    for other in out.elsewhere():
        out.put(other + 4, out.get(value + 4)).put(other + 8, out.get(value + 8))
    return out


def rpm_bdb_seeds():
    base = File(rpm_bdb.build(headers(), page_size=PAGE))
    many = File(rpm_bdb.build(headers()[2:] * 30, page_size=PAGE))
    big = File(rpm_bdb.build(headers(), byteorder="big", page_size=PAGE), ">")
    found = {
        "valid-little-endian": base, "valid-big-endian": big, "valid-many-buckets": many,
        "valid-no-records": File(rpm_bdb.build([], page_size=PAGE)),
        "valid-version-8": File(rpm_bdb.as_version_8(bytes(base.data))),
        "big-endian-overflow-cycle": big.copy().put(
            big.get(big.elsewhere()[-1] + 4) * PAGE + NEXT, big.get(big.elsewhere()[-1] + 4)),
        "big-endian-entries-huge": big.copy().put(big.pages(HASH)[0] + ENTRIES, 0xffff, "H"),
        "values-share-a-chain": shared_chain(many),
        "value-not-a-header": File(rpm_bdb.build([b"\xff" * 300], page_size=PAGE)),
        "value-empty": File(rpm_bdb.build([b""], page_size=PAGE)),
        "empty": File(b""), "cut-in-meta": File(base.data[:100]),
        "meta-only": File(base.data[:PAGE]),
        "cut-in-page": File(base.data[:-100]), "cut-half": File(base.data[:len(base.data) // 2]),
    }
    for group in (meta, hash_pages, overflow_pages):
        found.update(group(base))
    return {name: bytes(one.data) for name, one in found.items()}
