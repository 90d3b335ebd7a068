"""Writes pacman's local database: /var/lib/pacman/local/NAME-VERSION/{desc,files,mtree}.

`desc` and `files` are sections: `%KEY%`, values one a line, an empty line. `mtree` is
gzip of an mtree listing with a SHA-256 for each file; odd bytes in names are \\ooo there.
"""
import gzip

import model
import ocibuild

LOCAL = "var/lib/pacman/local"


def sections(pairs):
    text = ""
    for key, values in pairs:
        values = values if isinstance(values, (list, tuple)) else [values]
        text += "%%%s%%\n%s\n\n" % (key, "\n".join(map(str, values)))
    return text.encode()


def desc(package):
    pairs = [
        ("NAME", package.name), ("VERSION", package.full_version()),
        ("BASE", package.source or package.name), ("DESC", "A test package"),
        ("URL", "https://example.org/" + package.name), ("ARCH", package.arch),
        ("BUILDDATE", 1700000000), ("INSTALLDATE", 1700000001),
        ("PACKAGER", "Test <test@example.org>"), ("SIZE", 4096), ("REASON", 1),
        ("LICENSE", ["Apache-2.0", "MIT"]), ("VALIDATION", "pgp"),
        ("DEPENDS", ["glibc>=2.38", "sh"]),
    ]
    if package.source == "":              # packages of 2012 and before have no base
        pairs = [pair for pair in pairs if pair[0] != "BASE"]
    return sections(pairs)


def all_paths(package):
    """Each path with its parents; directories end with a slash."""
    paths = set()
    for one in package.files:
        path = one.path.strip("/")
        parts = path.split("/")
        paths.update("/".join(parts[:end]) + "/" for end in range(1, len(parts)))
        paths.add(path + "/" if one.type == "dir" else path)
    return sorted(paths)


def files(package):
    pairs = [("FILES", all_paths(package))] if package.files else []
    backup = ["%s\t%s" % (one.path.strip("/"), one.hexdigest("md5"))
              for one in package.files if one.config]
    return sections(pairs + ([("BACKUP", backup)] if backup else []))


def escape(path):
    return "".join(chr(byte) if 0x21 <= byte <= 0x7e and byte not in b"\\#*?[" else "\\%03o" % byte
                   for byte in path.encode("utf-8", "surrogateescape"))


def mtree(package):
    lines = ["#mtree", "/set type=file uid=0 gid=0 mode=644",
             "./.BUILDINFO time=1700000000.0 size=3 sha256digest=" + "0" * 64,
             "./.PKGINFO time=1700000000.0 size=3 sha256digest=" + "0" * 64]
    known = {one.path.strip("/"): one for one in package.files}
    for path in all_paths(package):
        name = "./%s time=1700000000.0" % escape(path.rstrip("/"))
        one = known.get(path.rstrip("/"))
        if path.endswith("/"):
            lines.append(name + " mode=%o type=dir" % (one.permissions() if one else 0o755))
        elif one.type == "symlink":
            lines.append(name + " mode=777 type=link link=" + escape(one.link))
        else:
            mode = "" if one.permissions() == 0o644 else " mode=%o" % one.permissions()
            lines.append(name + mode + " size=%d md5digest=%s sha256digest=%s" % (
                len(one.content), one.hexdigest("md5"), one.hexdigest("sha256")))
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)


def folder_of(package):
    return "%s/%s-%s" % (LOCAL, package.name, package.full_version())


def database(packages):
    """The database alone: [(path, bytes)]."""
    rows = [(LOCAL + "/ALPM_DB_VERSION", b"9\n")]
    for package in packages:
        folder = folder_of(package)
        rows += [(folder + "/desc", desc(package)), (folder + "/files", files(package)),
                 (folder + "/mtree", mtree(package))]
    return rows


def entries(packages):
    """The database and the files of the packages, for a layer."""
    return ocibuild.with_parents(model.file_entries(packages) + [
        ocibuild.file(path, data) for path, data in database(packages)])
