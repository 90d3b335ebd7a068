# Writes tar archives block by block, with every header field under the caller's control. The standard tarfile module
# repairs what it writes; a hostile archive has to stay broken in exactly the way its case describes.
import struct

BLOCK = 512
END = bytes(2 * BLOCK)

FILE, LINK, SYMLINK, CHAR, BLOCKDEV, DIR, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
OFFSETS = {  # field: (offset, width)
    "name": (0, 100), "mode": (100, 8), "uid": (108, 8), "gid": (116, 8), "size": (124, 12), "mtime": (136, 12),
    "checksum": (148, 8), "type": (156, 1), "link": (157, 100), "magic": (257, 6), "version": (263, 2),
    "uname": (265, 32), "gname": (297, 32), "devmajor": (329, 8), "devminor": (337, 8), "prefix": (345, 155),
}


def pad(data):
    """The data, filled up with zero bytes to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width):
    """GNU's binary numbers: the top bit of the first byte set; two's complement, so that negative values can be written."""
    raw = value.to_bytes(width, "big", signed=True)
    return bytes([raw[0] | 0x80]) + raw[1:]


def raw_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def header(name, type=FILE, size=0, mode=None, checksum=None, **fields):
    """One header block. A field is a number (written in octal) or bytes (written as they are)."""
    block = bytearray(BLOCK)
    values = {"mode": mode if mode is not None else (0o755 if type == DIR else 0o644), "uid": 0, "gid": 0, "size": size,
              "mtime": 0, "magic": b"ustar\0", "version": b"00", "devmajor": 0, "devminor": 0}
    values.update(fields)
    values["name"], values["type"] = name, type
    for key, value in values.items():
        offset, width = OFFSETS[key]
        data = octal(value, width) if isinstance(value, int) else raw_bytes(value)
        if len(data) > width:
            raise ValueError(f"{key} does not fit: {data[:40]!r}")
        block[offset:offset + len(data)] = data
    if checksum is None:
        block[148:156] = b" " * 8
        checksum = b"%06o\0 " % sum(block)
    block[148:148 + len(checksum)] = checksum
    return bytes(block)


def entry(name, data=b"", type=FILE, size=None, **fields):
    """A header and its data. `size` may lie."""
    data = raw_bytes(data)
    return header(name, type, len(data) if size is None else size, **fields) + pad(data)


def file(name, data=b"plain text\n", **fields):
    return entry(name, data, FILE, **fields)


def folder(name, **fields):
    return entry(name, b"", DIR, **fields)


def symlink(name, target, **fields):
    return entry(name, b"", SYMLINK, link=target, mode=0o777, **fields)


def hardlink(name, target, **fields):
    return entry(name, b"", LINK, link=target, **fields)


def device(name, type=CHAR, major=1, minor=3):
    return entry(name, b"", type, devmajor=major, devminor=minor)


def pax_record(key, value):
    """`LENGTH key=value\\n`, where the length counts its own digits."""
    body = b" " + raw_bytes(key) + b"=" + raw_bytes(value) + b"\n"
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax(records, type=b"x"):
    """An extended header. `records` is a dict, a list of pairs, or the raw bytes of a broken one."""
    if not isinstance(records, bytes):
        pairs = records.items() if isinstance(records, dict) else records
        records = b"".join(pax_record(k, v) for k, v in pairs)
    return entry("PaxHeaders/x", records, type)


def long_name(name, type=b"L"):
    """GNU's long name (`L`) or long link target (`K`) for the entry that follows."""
    return entry("././@LongLink", raw_bytes(name) + b"\0", type, magic=b"ustar ", version=b" \0")


def gnu_sparse(name, real_size, chunks, data=b"", **fields):
    """An old GNU sparse file (type `S`) with up to four (offset, length) pairs in its header."""
    block = bytearray(header(name, b"S", len(data), magic=b"ustar ", version=b" \0", prefix=b"", **fields))
    at = 386
    for offset, length in chunks[:4]:
        block[at:at + 12] = octal(offset, 12) if offset < 8 ** 11 else base256(offset, 12)
        block[at + 12:at + 24] = octal(length, 12) if length < 8 ** 11 else base256(length, 12)
        at += 24
    block[483:495] = octal(real_size, 12) if real_size < 8 ** 11 else base256(real_size, 12)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + pad(data)


def pax_sparse(name, real_size, chunks, data):
    """A sparse file in pax format 1.0: the map stands in front of the data."""
    sparse_map = b"%d\n" % len(chunks) + b"".join(b"%d\n%d\n" % c for c in chunks)
    body = pad(sparse_map) + data
    return pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
                "GNU.sparse.realsize": str(real_size)}) + entry("GNUSparseFile.0/x", body)


def archive(*entries):
    return b"".join(entries) + END


def usual():
    """A few honest entries that stand beside the hostile one, so that there is something to read."""
    return [folder("etc"), file("etc/motd", "hello\n"), folder("usr"), file("usr/readme", b"x" * 700)]


def numbered_headers(first, count, folder_name=b"many"):
    """Headers of empty files, many and fast: only the digits of the name and the checksum differ."""
    base = header(folder_name + b"/000/0000000", checksum=b" " * 8)
    total = sum(base)
    at = len(folder_name) + 1
    front, middle, tail = base[:at], base[at + 11:148], base[156:]
    digit_sum = [sum(map(int, "%03d" % i)) for i in range(1000)]
    out = []
    for number in range(first, first + count):
        low, mid, high = number % 1000, number // 1000 % 1000, number // 1000000
        name = b"%03d/%07d" % (mid, number)
        changed = digit_sum[mid] * 2 + digit_sum[low] + digit_sum[high]
        out.append(front + name + middle + b"%06o\0 " % (total + changed) + tail)
    return b"".join(out)


def zstd_frame(pieces, window=0x58, single_segment_size=None):
    """A zstd frame without the compressor: pieces are bytes (raw blocks) or (byte, count) (run-length blocks)."""
    out = [b"\x28\xb5\x2f\xfd"]
    if single_segment_size is None:
        out.append(bytes([0x00, window]))
    else:
        out.append(bytes([0xE0]) + struct.pack("<Q", single_segment_size))
    blocks = []
    for piece in pieces:
        if isinstance(piece, bytes):
            for at in range(0, len(piece), 65536):
                part = piece[at:at + 65536]
                blocks.append((0, len(part), part))
        else:
            byte, count = piece
            while count > 0:
                length = min(count, 131072)
                blocks.append((1, length, bytes([byte])))
                count -= length
    if not blocks:
        blocks.append((0, 0, b""))
    for i, (kind, length, body) in enumerate(blocks):
        out.append(struct.pack("<I", length << 3 | kind << 1 | (i == len(blocks) - 1))[:3] + body)
    return b"".join(out)
