"""Seeds for the rpm header parser: blobs as the databases hold them. Named after the attack."""
import struct

import model
import rpm_header as rpm
from model import Package


def tool(**more):
    return Package("tool", "1.2", "3", files=model.ordinary_files("tool"), **more)


def base_tags(**more):
    return {rpm.NAME: "a", rpm.VERSION: "1", rpm.RELEASE: "1", rpm.ARCH: "noarch", **more}


def with_tags(tags):
    full = base_tags()
    full.update(tags)
    return rpm.encode({tag: value for tag, value in full.items() if value is not None})


def entry(tag, kind, offset, count, data=b"a\0"):
    """A blob of sound tags and one entry that lies."""
    builder = rpm.Builder()
    builder.add_all(base_tags())
    builder.raw_entry(tag, kind, offset, count)
    builder.data += data
    return builder.blob()


def region(offset=None, trailer=None, **more):
    """A blob whose region is described by the given trailer and offset."""
    builder = rpm.Builder()
    builder.add_all(base_tags())
    place = len(builder.data)
    builder.index.insert(0, (more.get("tag", rpm.IMMUTABLE), more.get("kind", rpm.BIN),
                             place if offset is None else offset, more.get("count", 16)))
    size = -16 * len(builder.index)
    builder.data += trailer if trailer is not None else \
        struct.pack(">IIiI", rpm.IMMUTABLE, rpm.BIN, more.get("back", size), 16)
    return builder.blob()


def files(names, folders, indexes, digests=None):
    return with_tags({
        rpm.BASENAMES: names, rpm.DIRNAMES: folders, rpm.DIRINDEXES: indexes,
        rpm.FILEDIGESTS: [""] * len(names) if digests is None else digests,
        rpm.FILEDIGESTALGO: 8, rpm.FILEFLAGS: [0] * len(names),
        rpm.FILEMODES: [0o100644] * len(names)})


def sizes():
    blob = rpm.package_blob(tool())
    return {
        "empty": b"",
        "one-byte": b"\0",
        "counts-only": struct.pack(">II", 0, 0),
        "huge-count": b"\xff\xff\xff\xff" + blob[4:],
        "huge-count-that-wraps": struct.pack(">I", 0x10000000) + blob[4:],
        "huge-count-just-legal": struct.pack(">I", 0x00ffffff) + blob[4:],
        "huge-data-size": blob[:4] + b"\xff\xff\xff\xff" + blob[8:],
        "count-one-too-many": struct.pack(">I", struct.unpack(">I", blob[:4])[0] + 1) + blob[4:],
        "count-zero": struct.pack(">I", 0) + blob[4:],
        "cut-in-index": blob[:200],
        "cut-in-data": blob[:-40],
        "bytes-behind-the-end": blob + b"more" * 100,
        "magic-in-front": rpm.with_magic(blob),
    }


def entries():
    return {
        "negative-offset": entry(rpm.VENDOR, rpm.STRING, -16, 1),
        "offset-past-end": entry(rpm.VENDOR, rpm.STRING, 1 << 20, 1),
        "offset-at-end": entry(rpm.VENDOR, rpm.STRING, 14, 1, b""),
        "offset-most-negative": entry(rpm.VENDOR, rpm.STRING, -(1 << 31), 1),
        "type-zero": entry(rpm.VENDOR, 0, 0, 1),
        "type-unknown": entry(rpm.VENDOR, 15, 0, 1),
        "type-huge": entry(rpm.VENDOR, 0xffffffff, 0, 1),
        "value-count-zero": entry(rpm.VENDOR, rpm.STRING, 0, 0),
        "value-count-huge": entry(rpm.FILESIZES, rpm.INT32, 0, 0x40000001),
        "value-count-huge-of-64-bit": entry(rpm.LONGFILESIZES, rpm.INT64, 0, 0x20000001),
        "value-count-huge-of-strings": entry(rpm.BASENAMES, rpm.STRING_ARRAY, 0, 0x00ffffff),
        "value-count-huge-of-bytes": entry(rpm.SIGMD5, rpm.BIN, 0, 0xffffffff),
        "strings-fewer-than-count": entry(rpm.BASENAMES, rpm.STRING_ARRAY, 0, 100, b"x\0" * 10),
        "string-without-end": entry(rpm.VENDOR, rpm.STRING, 12, 1, b"no end"),
        "strings-without-end": entry(rpm.DIRNAMES, rpm.STRING_ARRAY, 12, 2, b"one\0two"),
        "integers-out-of-line": entry(rpm.FILESIZES, rpm.INT32, 3, 1, b"\0" * 16),
        "tag-twice": rpm_twice(),
        "same-data-many-times": overlap(),
        "entries-in-no-order": rpm_reversed(),
    }


def rpm_twice():
    builder = rpm.Builder()
    builder.add_all(base_tags())
    builder.add(rpm.NAME, "second")
    builder.add(rpm.VERSION, "2")
    return builder.blob()


def rpm_reversed():
    builder = rpm.Builder()
    for tag in sorted(base_tags(), reverse=True):
        builder.add(tag, base_tags()[tag])
    return builder.blob()


def overlap():
    """2000 string arrays that all lie on the same 8 KiB: a small blob, a big expansion."""
    builder = rpm.Builder()
    builder.add_all(base_tags())
    for _ in range(2000):
        builder.raw_entry(rpm.BASENAMES, rpm.STRING_ARRAY, 0, 4000)
    builder.data += b"x\0" * 4096
    return builder.blob()


def regions():
    return {
        "region-offset-past-end": region(offset=1 << 20),
        "region-offset-negative": region(offset=-16),
        "region-offset-zero": region(offset=0),
        "region-trailer-missing": region(trailer=b""),
        "region-trailer-short": region(trailer=b"\0\0\0\x3f"),
        "region-trailer-of-zeros": region(trailer=b"\0" * 16),
        "region-trailer-positive": region(back=16 * 5),
        "region-trailer-zero": region(back=0),
        "region-trailer-most-negative": region(back=-(1 << 31)),
        "region-longer-than-index": region(back=-16 * 4000),
        "region-shorter-than-index": region(back=-16),
        "region-not-a-multiple": region(back=-17),
        "region-of-another-type": region(kind=rpm.INT32),
        "region-count-wrong": region(count=17),
        "region-tag-61": region(tag=rpm.IMAGE),
        "region-tag-62": region(tag=62),
        "region-second": rpm.encode(base_tags(), {rpm.IMMUTABLE: (rpm.BIN, b"\0" * 16)}),
    }


def values():
    return {
        "name-missing": with_tags({rpm.NAME: None}),
        "version-missing": with_tags({rpm.VERSION: None}),
        "release-missing": with_tags({rpm.RELEASE: None}),
        "name-empty": with_tags({rpm.NAME: ""}),
        "name-a-number": with_tags({rpm.NAME: (rpm.INT32, 7)}),
        "name-an-array": with_tags({rpm.NAME: (rpm.STRING_ARRAY, ["a", "b"])}),
        "name-with-escape-codes": with_tags({rpm.NAME: "\x1b[31ma\x07"}),
        "name-not-utf8": with_tags({rpm.NAME: b"\xff\xfe"}),
        "name-of-64k": with_tags({rpm.NAME: "a" * 65536}),
        "epoch-a-string": with_tags({rpm.EPOCH: (rpm.STRING, "1")}),
        "epoch-16-bit": with_tags({rpm.EPOCH: (rpm.INT16, 1)}),
        "epoch-two-values": with_tags({rpm.EPOCH: [1, 2]}),
        "epoch-largest": with_tags({rpm.EPOCH: 0xffffffff}),
        "source-none": with_tags({rpm.SOURCERPM: "(none)"}),
        "source-empty": with_tags({rpm.SOURCERPM: ""}),
        "source-no-suffix": with_tags({rpm.SOURCERPM: "a-1-1"}),
        "source-suffix-only": with_tags({rpm.SOURCERPM: ".src.rpm"}),
        "source-one-dash": with_tags({rpm.SOURCERPM: "a-1.src.rpm"}),
        "source-dashes-only": with_tags({rpm.SOURCERPM: "--.src.rpm"}),
        "source-nosrc": with_tags({rpm.SOURCERPM: "a-1-1.nosrc.rpm"}),
        "files-no-folders": files(["x"], [], [0]),
        "files-no-indexes": with_tags({rpm.BASENAMES: ["x"], rpm.DIRNAMES: ["/"]}),
        "files-index-past-folders": files(["x", "y"], ["/"], [0, 4000000000]),
        "files-fewer-indexes": files(["x", "y", "z"], ["/"], [0]),
        "files-more-indexes": files(["x"], ["/"], [0, 0, 0]),
        "files-fewer-digests": files(["x", "y", "z"], ["/"], [0, 0, 0], ["0" * 64]),
        "files-digest-short": files(["x"], ["/"], [0], ["12"]),
        "files-digest-long": files(["x"], ["/"], [0], ["0" * 4096]),
        "files-digest-not-hex": files(["x"], ["/"], [0], ["z" * 64]),
        "files-digest-of-md5-length": files(["x"], ["/"], [0], ["0" * 32]),
        "files-digest-kind-unknown": with_tags({rpm.FILEDIGESTALGO: 99, rpm.BASENAMES: ["x"],
                                                rpm.DIRNAMES: ["/"], rpm.DIRINDEXES: [0],
                                                rpm.FILEDIGESTS: ["0" * 64]}),
        "files-climbing": files(["../shadow", "..", ""], ["/../../etc/", "relative/"], [0, 1, 0]),
        "files-old-names": with_tags({rpm.OLDFILENAMES: ["/usr/bin/x", "/etc/y"],
                                      rpm.FILEDIGESTS: ["0" * 32, ""]}),
        "files-one-long-folder-for-all": files(["x"] * 3000, ["/" + "d" * 60000 + "/"], [0] * 3000),
        "files-a-string": with_tags({rpm.BASENAMES: (rpm.STRING, "x"), rpm.DIRNAMES: (rpm.STRING,
            "/"),
                                     rpm.DIRINDEXES: (rpm.INT16, [0])}),
    }


def rpm_header():
    found = {
        "valid-package": rpm.package_blob(tool(source="suite", source_version="7-1")),
        "valid-epoch": rpm.package_blob(tool(epoch=3)),
        "valid-md5": rpm.package_blob(tool(), "md5"),
        "valid-public-key": rpm.public_key_blob(),
        "valid-no-region": rpm.encode(rpm.package_tags(tool()), region=None),
        "valid-no-files": rpm.package_blob(Package("a", "1", "1")),
    }
    for group in (sizes(), entries(), regions(), values()):
        found.update(group)
    return found
