"""Writes rpmdb.sqlite: header blobs in the table Packages, as rpm 4.16 and later do.

rpm keeps this file in WAL mode, so rows may lie in rpmdb.sqlite-wal alone.
"""
import os
import shutil
import sqlite3
import tempfile

SCHEMA = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)"
# rpm opens a database only if these are there; they stay empty, `rpm -qa` does not use them.
INDEXES = ("Name Basenames Group Requirename Providename Conflictname Obsoletename Triggername "
           "Dirnames Installtid Sigmd5 Sha1header Filetriggername Transfiletriggername "
           "Recommendname Suggestname Supplementname Enhancename").split()
INDEX = ("CREATE TABLE '%s' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, "
         "FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))")


def build(blobs, wal=True, page_size=4096, in_wal=(), deleted=0):
    """The files of a database: {"rpmdb.sqlite": bytes, maybe "rpmdb.sqlite-wal": bytes}.

    in_wal   more blobs, left in the write-ahead log
    deleted  this many big rows are written and deleted again: free pages with old data
    """
    folder = tempfile.mkdtemp(prefix="rpmdb-")
    path = os.path.join(folder, "rpmdb.sqlite")
    try:
        base = sqlite3.connect(path, isolation_level=None)
        base.execute("PRAGMA page_size=%d" % page_size)
        base.execute("PRAGMA journal_mode=%s" % ("WAL" if wal else "DELETE"))
        base.execute("PRAGMA wal_autocheckpoint=0")
        base.execute("PRAGMA secure_delete=0")
        base.execute(SCHEMA)
        for name in INDEXES:
            base.execute(INDEX % name)
        for number, blob in enumerate(blobs, 1):
            base.execute("INSERT INTO Packages VALUES(?,?)", (number, sqlite3.Binary(blob)))
        for _ in range(deleted):
            row = base.execute("INSERT INTO Packages(blob) VALUES(?)",
                               (sqlite3.Binary(blobs[0] * 40),)).lastrowid
            base.execute("DELETE FROM Packages WHERE hnum=?", (row,))
        if wal:
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for blob in in_wal:
            base.execute("INSERT INTO Packages(blob) VALUES(?)", (sqlite3.Binary(blob),))
        files = {}
        for name in ("rpmdb.sqlite", "rpmdb.sqlite-wal"):
            one = os.path.join(folder, name)
            if os.path.exists(one):
                with open(one, "rb") as data:
                    files[name] = data.read()
        base.close()
        return files
    finally:
        shutil.rmtree(folder)


def write(folder, blobs, **how):
    """Writes the files into a directory that `rpm --dbpath` can open."""
    os.makedirs(folder, exist_ok=True)
    for name, data in build(blobs, **how).items():
        with open(os.path.join(folder, name), "wb") as out:
            out.write(data)
