"""Writes a Berkeley DB hash file "Packages" as rpm up to 4.15 kept it.

The real library does it, through db5.3_load: keys are header numbers (32 bit, in the
byte order of the machine that wrote the file), values are header blobs, and key 0
holds the highest number. Removed records need calls that db5.3_load has not;
bdb_remove.c makes them.
"""
import os
import shutil
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ORDERS = {"little": "1234", "big": "4321"}


def available():
    """Why a database cannot be written, or None."""
    return None if shutil.which("db5.3_load") else "db5.3_load is not installed (db5.3-util)"


def can_remove():
    """Why records cannot be removed, or None."""
    if available():
        return available()
    if not shutil.which("cc"):
        return "no C compiler"
    return None if os.path.exists("/usr/include/db.h") else "db.h is missing (libdb5.3-dev)"


def key(number, byteorder):
    return struct.pack("<I" if byteorder == "little" else ">I", number)


def dump_text(pairs, byteorder, page_size, fill):
    """The text that db5.3_load reads."""
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_lorder=" + ORDERS[byteorder],
             "db_pagesize=%d" % page_size]
    if fill:
        lines.append("h_ffactor=%d" % fill)
    lines.append("HEADER=END")
    for name, value in pairs:
        lines += [" " + name.hex(), " " + value.hex()]
    return "\n".join(lines + ["DATA=END", ""])


def remove(path, numbers, byteorder):
    """Deletes records with the library, so that the file has free and half-empty pages."""
    folder = tempfile.mkdtemp(prefix="bdb-")
    try:
        tool = os.path.join(folder, "remove")
        subprocess.run(["cc", "-O1", "-o", tool, os.path.join(HERE, "bdb_remove.c"), "-ldb-5.3"],
                       check=True)
        subprocess.run([tool, path] + [key(one, byteorder).hex() for one in numbers], check=True)
    finally:
        shutil.rmtree(folder)


def build(blobs, byteorder="little", page_size=4096, fill=0, removed=()):
    """The bytes of a database; header numbers count from 1 in the order of `blobs`."""
    folder = tempfile.mkdtemp(prefix="bdb-")
    path = os.path.join(folder, "Packages")
    pairs = [(key(0, byteorder), key(len(blobs), byteorder))]
    pairs += [(key(number, byteorder), blob) for number, blob in enumerate(blobs, 1)]
    try:
        subprocess.run(["db5.3_load", path], check=True, text=True, stdout=subprocess.DEVNULL,
                       input=dump_text(pairs, byteorder, page_size, fill))
        if removed:
            remove(path, removed, byteorder)
        with open(path, "rb") as data:
            made = data.read()
        return tidy(made, byteorder)
    finally:
        shutil.rmtree(folder)


def tidy(data, byteorder):
    """Clears what differs from run to run: the file's identity (inode, time) and unused bytes.

    The library leaves whatever its memory held in the unused part of a page.
    """
    order = "<" if byteorder == "little" else ">"
    size = struct.unpack(order + "I", data[20:24])[0]
    out = bytearray(data)
    out[52:72] = bytes(20)
    for page in range(size, len(out), size):
        count, used = struct.unpack_from(order + "HH", out, page + 20)
        kind = out[page + 25]
        if kind in (2, 13):                                # keys and values, filled from the end
            low, high = 26 + 2 * count, used
            for place in struct.unpack_from("%s%dH" % (order, count), out, page + 26):
                if out[page + place] == 3:                 # a pointer to overflow pages: padding
                    out[page + place + 1:page + place + 4] = bytes(3)
        elif kind == 7:                                    # part of a big value
            low, high = 26 + used, size
        else:                                              # free
            low, high = 26, size
        out[page + low:page + high] = bytes(max(0, high - low))
    return bytes(out)


def as_version_8(data):
    """The same file as the library before 4.6 wrote it: version 8, pages of type 2.

    Only for files in the machine's own byte order.
    """
    page = struct.unpack("<I", data[20:24])[0]
    out = bytearray(data)
    out[16:20] = struct.pack("<I", 8)
    for start in range(page, len(out), page):
        if out[start + 25] == 13:
            out[start + 25] = 2
    return bytes(out)


def write(folder, blobs, **how):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "Packages"), "wb") as out:
        out.write(build(blobs, **how))
