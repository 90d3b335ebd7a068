"""Seeds for the reader of rpmdb.sqlite. Named after the attack.

The file's header is 100 bytes: page size at 16, write and read version at 18 and 19 (2: a log
file belongs to it), reserved bytes at 20, pages at 28, first free page at 32, text encoding at 56.
A table's page starts with its kind (5 inner, 13 leaf), number of cells at 3, right child at 8.
"""
import os
import shutil
import sqlite3
import struct
import tempfile

import rpm_header as rpm
import rpm_sqlite

PAGE = 512


def blob(**more):
    tags = {rpm.NAME: "a", rpm.VERSION: "1", rpm.RELEASE: "1", rpm.ARCH: "noarch"}
    tags.update(more.get("tags", {}))
    return rpm.encode(tags)


def made(*statements, values=()):
    """The bytes of a database that these statements make; `values` go to the last one."""
    folder = tempfile.mkdtemp(prefix="seed-")
    path = os.path.join(folder, "x")
    try:
        base = sqlite3.connect(path, isolation_level=None)
        base.execute("PRAGMA page_size=%d" % PAGE)
        for one in statements[:-1]:
            base.execute(one)
        base.execute(statements[-1], values)
        base.close()
        with open(path, "rb") as data:
            return data.read()
    finally:
        shutil.rmtree(folder)


def patched(data, at, value, form=">I"):
    out = bytearray(data)
    struct.pack_into(form, out, at, value)
    return bytes(out)


def root_of(data):
    """The root page of Packages, as an offset; found through sqlite itself."""
    folder = tempfile.mkdtemp(prefix="seed-")
    try:
        with open(os.path.join(folder, "x"), "wb") as out:
            out.write(data)
        base = sqlite3.connect(os.path.join(folder, "x"))
        row = base.execute("SELECT rootpage FROM sqlite_master WHERE name='Packages'").fetchone()
        base.close()
        return (row[0] - 1) * PAGE
    finally:
        shutil.rmtree(folder)


def other_schemas():
    """Sound databases whose Packages is not rpm's table."""
    insert = "INSERT INTO Packages(blob) VALUES(?)"
    table = rpm_sqlite.SCHEMA
    return {
        "no-packages-table": made("CREATE TABLE other(x)"),
        "no-blob-column": made("CREATE TABLE Packages(hnum INTEGER PRIMARY KEY)"),
        "packages-endless-view": made(
            "CREATE VIEW Packages(hnum, blob) AS WITH RECURSIVE c(x) AS "
            "(SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x, x'00' FROM c"),
        "packages-view-of-zero-bombs": made(
            "CREATE VIEW Packages(hnum, blob) AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
            "SELECT x+1 FROM c LIMIT 1000) SELECT x, zeroblob(900000000) FROM c"),
        "packages-view-with-join-bomb": made(
            "CREATE TABLE t(x)", "INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT "
            "x+1 FROM c LIMIT 300) SELECT x FROM c",
            "CREATE VIEW Packages(hnum, blob) AS SELECT 1, x'00' FROM t a, t b, t c, t d, t e "
            "WHERE a.x + b.x + c.x + d.x + e.x = 0"),
        "packages-view-of-itself": made("CREATE VIEW Packages AS SELECT * FROM Packages"),
        "packages-generated-column": made(
            "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, x, "
            "blob BLOB AS (zeroblob(900000000)) VIRTUAL)",
            "INSERT INTO Packages(x) VALUES(1)"),
        "packages-without-rowid": made(
            "CREATE TABLE Packages(hnum TEXT PRIMARY KEY, blob) WITHOUT ROWID",
            "INSERT INTO Packages VALUES('a',x'00')"),
        "blob-is-text": made(table.replace("BLOB", "TEXT"), insert, values=("text",)),
        "blob-is-a-number": made(table.replace("BLOB", "INTEGER"), insert, values=(7,)),
        "blob-is-null": made("CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob)", insert,
                             values=(None,)),
        "blob-empty": made(table, insert, values=(b"",)),
        "blob-not-a-header": made(table, insert, values=(b"\xff" * 300,)),
        "numbers-negative": made(table, "INSERT INTO Packages VALUES(-5,?)", values=(blob(),)),
        "text-utf16": made("PRAGMA encoding='UTF-16le'", table, insert, values=(blob(),)),
        "trigger-and-index": made(
            table, "CREATE INDEX i ON Packages(blob)",
            "CREATE TRIGGER t AFTER INSERT ON Packages BEGIN SELECT 1; END", insert,
            values=(blob(),)),
        "virtual-table": virtual(),
    }


def virtual():
    return made(
        "CREATE TABLE x(y)", "PRAGMA writable_schema=ON",
        "UPDATE sqlite_master SET type='table', name='Packages', tbl_name='Packages', rootpage=0, "
        "sql='CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)'")


def broken_pages():
    """The sound file with fields changed."""
    base = rpm_sqlite.build([blob(), blob(tags={rpm.DESCRIPTION: "word " * 900})] +
                            [blob()] * 40, wal=False, page_size=PAGE)["rpmdb.sqlite"]
    root = root_of(base)
    pages = len(base) // PAGE
    inner = base[root] == 5
    cell = root + struct.unpack_from(">H", base, root + (12 if inner else 8))[0]
    small = rpm_sqlite.build([blob(tags={rpm.DESCRIPTION: "word " * 900})], wal=False,
                             page_size=PAGE)["rpmdb.sqlite"]
    leaf = root_of(small)
    # the page number of the overflow chain is the last four bytes of the cell, at the page's end
    chain = struct.unpack_from(">I", small, leaf + PAGE - 4)[0]
    return {
        "valid": base, "valid-one-row": small,
        "valid-log-mode": rpm_sqlite.build([blob()], page_size=PAGE)["rpmdb.sqlite"],
        "page-size-zero": patched(base, 16, 0, ">H"), "page-size-odd": patched(base, 16, 777, ">H"),
        "page-size-one-is-64k": patched(base, 16, 1, ">H"),
        "read-version-9": patched(base, 19, 9, "B"), "reserved-bytes-255": patched(base, 20, 255,
            "B"),
        "pages-huge": patched(base, 28, 0xffffffff), "pages-zero": patched(base, 28, 0),
        "free-list-cycle": patched(patched(base, 32, pages), 36, 7),
        "text-encoding-9": patched(base, 56, 9), "schema-format-99": patched(base, 44, 99),
        "schema-sql-garbage": schema(base, "sql", "CREATE TABLE 'Packages' (((((("),
        "schema-sql-of-another-name": schema(base, "sql", "CREATE TABLE 'Name' (hnum, blob)"),
        "schema-root-past-end": schema(base, "rootpage", 0x7fffffff),
        "schema-root-one": schema(base, "rootpage", 1),
        "schema-root-zero": schema(base, "rootpage", 0),
        "schema-root-negative": schema(base, "rootpage", -5),
        "tree-kind-other": patched(base, root, 99, "B"),
        "tree-cells-huge": patched(base, root + 3, 0xffff, ">H"),
        "tree-right-child-is-itself": patched(base, root + 8, root // PAGE + 1),
        "tree-child-is-itself": patched(base, cell, root // PAGE + 1),
        "tree-child-past-end": patched(base, cell, 0x7fffffff),
        "tree-child-zero": patched(base, cell, 0),
        "overflow-cycle": patched(small, (chain - 1) * PAGE, chain),
        "overflow-ends-early": patched(small, (chain - 1) * PAGE, 0),
        "overflow-past-end": patched(small, (chain - 1) * PAGE, 0x7fffffff),
        "payload-huge": payload_huge(small, leaf),
        "empty": b"", "magic-only": base[:16], "header-only": base[:100],
        "cut-in-page": base[:-100], "cut-half": base[:len(base) // 2 // PAGE * PAGE],
        "not-a-database": b"SQLite format 3\0" + b"\xff" * 2000,
    }


def payload_huge(data, leaf):
    """A cell that claims the largest length a number of nine bytes can have."""
    cell = leaf + struct.unpack_from(">H", data, leaf + 8)[0]
    return data[:cell] + b"\xff" * 9 + data[cell + 9:]


def schema(data, column, value):
    """The same database, with something else in Packages' row of its schema."""
    folder = tempfile.mkdtemp(prefix="seed-")
    path = os.path.join(folder, "x")
    try:
        with open(path, "wb") as out:
            out.write(data)
        base = sqlite3.connect(path, isolation_level=None)
        base.execute("PRAGMA writable_schema=ON")
        base.execute("UPDATE sqlite_master SET %s=? WHERE name='Packages'" % column, (value,))
        base.close()
        with open(path, "rb") as out:
            return out.read()
    finally:
        shutil.rmtree(folder)


def rpm_sqlite_seeds():
    found = broken_pages()
    found.update(other_schemas())
    return found
