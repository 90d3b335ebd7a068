"""Encodes rpm header blobs in the form that the rpm databases store.

A blob is: number of index entries and number of data bytes (32 bit, big endian),
the index (tag, type, offset, count: 16 bytes each), the data. The entries that came
with the package lie in a region: the first entry, tag 63, points at a 16 byte trailer
behind the region's data, and the trailer holds minus the size of the region's index.
What rpm adds when it installs follows the region, with its data behind the trailer.
"""
import struct

CHAR, INT8, INT16, INT32, INT64, STRING, BIN, STRING_ARRAY, I18N = 1, 2, 3, 4, 5, 6, 7, 8, 9
ALIGN = {INT16: 2, INT32: 4, INT64: 8}
FORMAT = {CHAR: "B", INT8: "B", INT16: "H", INT32: "I", INT64: "Q"}

IMAGE, IMMUTABLE = 61, 63

NAME, VERSION, RELEASE, EPOCH, SUMMARY, DESCRIPTION = 1000, 1001, 1002, 1003, 1004, 1005
BUILDTIME, BUILDHOST, INSTALLTIME, SIZE, VENDOR, LICENSE = 1006, 1007, 1008, 1009, 1011, 1014
GROUP, OS, ARCH, OLDFILENAMES, FILESIZES, FILESTATES = 1016, 1021, 1022, 1027, 1028, 1029
FILEMODES, FILERDEVS, FILEMTIMES, FILEDIGESTS, FILELINKTOS = 1030, 1033, 1034, 1035, 1036
FILEFLAGS, FILEUSERNAME, FILEGROUPNAME, SOURCERPM, FILEVERIFYFLAGS = 1037, 1039, 1040, 1044, 1045
PROVIDENAME, RPMVERSION, FILEDEVICES, FILEINODES, FILELANGS = 1047, 1064, 1095, 1096, 1097
PROVIDEFLAGS, PROVIDEVERSION, DIRINDEXES, BASENAMES, DIRNAMES = 1112, 1113, 1116, 1117, 1118
INSTALLTID, I18NTABLE, SIGSIZE, SIGMD5, SHA1HEADER = 1128, 100, 257, 261, 269
PUBKEYS, FILEDIGESTALGO, LONGFILESIZES = 266, 5011, 5008

TYPES = {
    NAME: STRING, VERSION: STRING, RELEASE: STRING, EPOCH: INT32, SUMMARY: I18N, DESCRIPTION: I18N,
    BUILDTIME: INT32, BUILDHOST: STRING, INSTALLTIME: INT32, SIZE: INT32, VENDOR: STRING,
    LICENSE: STRING, GROUP: I18N, OS: STRING, ARCH: STRING, OLDFILENAMES: STRING_ARRAY,
    FILESIZES: INT32, FILESTATES: CHAR, FILEMODES: INT16, FILERDEVS: INT16, FILEMTIMES: INT32,
    FILEDIGESTS: STRING_ARRAY, FILELINKTOS: STRING_ARRAY, FILEFLAGS: INT32,
    FILEUSERNAME: STRING_ARRAY, FILEGROUPNAME: STRING_ARRAY, SOURCERPM: STRING,
    FILEVERIFYFLAGS: INT32, PROVIDENAME: STRING_ARRAY, RPMVERSION: STRING, FILEDEVICES: INT32,
    FILEINODES: INT32, FILELANGS: STRING_ARRAY, PROVIDEFLAGS: INT32, PROVIDEVERSION: STRING_ARRAY,
    DIRINDEXES: INT32, BASENAMES: STRING_ARRAY, DIRNAMES: STRING_ARRAY, INSTALLTID: INT32,
    I18NTABLE: STRING_ARRAY, SIGSIZE: INT32, SIGMD5: BIN, SHA1HEADER: STRING,
    PUBKEYS: STRING_ARRAY, FILEDIGESTALGO: INT32, LONGFILESIZES: INT64,
}

CONFIG, DOC, NOREPLACE, GHOST = 1, 2, 16, 64              # FILEFLAGS
MODE_BITS = {"file": 0o100000, "dir": 0o040000, "symlink": 0o120000}
ALGORITHMS = {"md5": 1, "sha1": 2, "sha256": 8, "sha384": 9, "sha512": 10, "sha224": 11}


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def encode_value(kind, value):
    """(count, bytes) of one entry."""
    if kind == STRING:
        return 1, as_bytes(value) + b"\0"
    if kind in (STRING_ARRAY, I18N):
        values = [value] if isinstance(value, (str, bytes)) else list(value)
        return len(values), b"".join(as_bytes(one) + b"\0" for one in values)
    if kind == BIN:
        return len(value), bytes(value)
    values = [value] if isinstance(value, int) else list(value)
    return len(values), struct.pack(">%d%s" % (len(values), FORMAT[kind]), *values)


class Builder:
    """Collects index entries and data; `raw_entry` lets hostile samples lie."""

    def __init__(self):
        self.index, self.data = [], b""

    def align(self, size):
        self.data += b"\0" * (-len(self.data) % size)

    def raw_entry(self, tag, kind, offset, count):
        self.index.append((tag, kind, offset, count))

    def add(self, tag, value, kind=None):
        if isinstance(value, tuple):                       # (type, value) for tags unknown here
            kind, value = value
        kind = TYPES[tag] if kind is None else kind
        count, data = encode_value(kind, value)
        self.align(ALIGN.get(kind, 1))
        self.raw_entry(tag, kind, len(self.data), count)
        self.data += data

    def add_all(self, tags):
        for tag in sorted(tags):
            self.add(tag, tags[tag])

    def close_region(self, tag=IMMUTABLE, entries=None):
        """Turns what was added until now into a region."""
        entries = len(self.index) + 1 if entries is None else entries
        self.index.insert(0, (tag, BIN, len(self.data), 16))
        self.data += struct.pack(">IIiI", tag, BIN, -16 * entries, 16)

    def blob(self, count=None, size=None):
        head = struct.pack(">II", len(self.index) if count is None else count,
                           len(self.data) if size is None else size)
        rows = b"".join(struct.pack(">IIII", tag, kind, offset & 0xffffffff, number)
                        for tag, kind, offset, number in self.index)
        return head + rows + self.data


def encode(tags, added=None, region=IMMUTABLE):
    """The blob of a dict of tags; `added` are those that installing adds behind the region."""
    builder = Builder()
    builder.add_all(tags)
    if region is not None:
        builder.close_region(region)
    builder.add_all(added or {})
    return builder.blob()


def with_magic(blob):
    """The form that lies in .rpm files: the blob behind a magic number."""
    return b"\x8e\xad\xe8\x01\0\0\0\0" + blob


def source_rpm(package):
    """The name of the source package's file; it never holds an epoch."""
    version = package.source_version or "%s-%s" % (package.version, package.release)
    return "%s-%s.src.rpm" % (package.source or package.name, version)


def file_tags(files, algorithm):
    """The tags about files. Directories, links and ghosts have an empty digest."""
    files = sorted(files, key=lambda one: one.path)
    folders = sorted({one.path.rpartition("/")[0] + "/" for one in files})
    digests = [one.hexdigest(algorithm) if one.type == "file" and not one.ghost else ""
               for one in files]
    tags = {
        BASENAMES: [one.path.rpartition("/")[2] for one in files],
        DIRNAMES: folders,
        DIRINDEXES: [folders.index(one.path.rpartition("/")[0] + "/") for one in files],
        FILEDIGESTS: digests,
        FILEFLAGS: [CONFIG * one.config | DOC * one.doc | GHOST * one.ghost for one in files],
        FILEMODES: [MODE_BITS[one.type] | one.permissions() for one in files],
        FILESIZES: [len(one.link or one.content) if one.type != "dir" else 4096 for one in files],
        FILELINKTOS: [one.link or "" for one in files],
        FILERDEVS: [0] * len(files), FILEMTIMES: [0] * len(files),
        FILEUSERNAME: ["root"] * len(files), FILEGROUPNAME: ["root"] * len(files),
        FILEVERIFYFLAGS: [0xffffffff] * len(files), FILEDEVICES: [1] * len(files),
        FILEINODES: list(range(1, len(files) + 1)), FILELANGS: [""] * len(files),
    }
    if algorithm != "md5":                  # md5 is what a missing tag means
        tags[FILEDIGESTALGO] = ALGORITHMS[algorithm]
    return tags


def package_tags(package, algorithm="sha256"):
    """The tags that a package brings, from a model.Package."""
    tags = {
        NAME: package.name, VERSION: package.version, RELEASE: package.release,
        SUMMARY: "A test package", DESCRIPTION: "A package that a test made.\nTwo lines.",
        BUILDTIME: 1700000000, BUILDHOST: "localhost", SIZE: 1, VENDOR: package.vendor,
        LICENSE: "Apache-2.0", GROUP: "Unspecified", OS: "linux", ARCH: package.arch,
        SOURCERPM: source_rpm(package), RPMVERSION: "4.18.0", I18NTABLE: ["C"],
        PROVIDENAME: [package.name], PROVIDEFLAGS: [8], PROVIDEVERSION: [package.full_version()],
    }
    if package.epoch is not None:
        tags[EPOCH] = package.epoch
    if package.files:
        tags.update(file_tags(package.files, algorithm))
    return tags


def package_blob(package, algorithm="sha256", more=None):
    """The blob of an installed model.Package; `more` adds or replaces tags."""
    tags = package_tags(package, algorithm)
    tags.update(more or {})
    added = {INSTALLTIME: 1700000001, INSTALLTID: 1700000001}
    if package.files:
        added[FILESTATES] = [0] * len(package.files)
    return encode(tags, added)


def public_key_blob(version="a15b79cc", release="63d04c2c"):
    """The row that `rpm --import` makes: no architecture, and "(none)" as source package."""
    return encode({
        NAME: "gpg-pubkey", VERSION: version, RELEASE: release, GROUP: "Public Keys",
        SUMMARY: "Test key public key", LICENSE: "pubkey", BUILDHOST: "localhost",
        DESCRIPTION: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", VENDOR: "Test key", SIZE: 0,
        SOURCERPM: "(none)", BUILDTIME: 1700000000, RPMVERSION: "4.18.0", PUBKEYS: ["mQENBGsD"],
    }, {INSTALLTIME: 1700000001, INSTALLTID: 1700000001})
