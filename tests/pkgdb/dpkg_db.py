"""Writes dpkg's database: /var/lib/dpkg/status with info/*, or the status.d of distroless images.

Another test compares with real dpkg; this writer is for the odd states that no
installation leaves behind on request.
"""
import base64

import model
import ocibuild

DPKG = "var/lib/dpkg"
STATUS = DPKG + "/status"


def stanza(package, status="install ok installed", more="", description=True):
    """One paragraph. `more` is further lines; `status` None leaves the field out."""
    lines = ["Package: " + package.name]
    if status is not None:
        lines.append("Status: " + status)
    lines += ["Priority: optional", "Section: misc", "Installed-Size: 12",
              "Maintainer: Test <test@example.org>", "Architecture: " + package.arch]
    if package.source_version:
        lines.append("Source: %s (%s)" % (package.source or package.name, package.source_version))
    elif package.source:
        lines.append("Source: " + package.source)
    lines.append("Version: " + package.full_version())
    conffiles = [one for one in package.files if one.config]
    if conffiles and status is not None:
        lines.append("Conffiles:")
        lines += [" %s %s" % (one.path, one.hexdigest("md5")) for one in conffiles]
    if more:
        lines.append(more.rstrip("\n"))
    if description:
        lines += ["Description: A test package", " It has a folded description.", " .",
                  " Package: not-a-package"]
    return "\n".join(lines) + "\n"


def md5sums(package):
    """The checksums of a package: no links, no directories, no configuration files."""
    return "".join("%s  %s\n" % (one.hexdigest("md5"), one.path.lstrip("/"))
                   for one in package.files if one.type == "file" and not one.config).encode()


def file_list(package):
    """Every path with its parents, as info/NAME.list has it."""
    paths = []
    for one in package.files:
        parts = one.path.strip("/").split("/")
        for end in range(len(parts) + 1):
            path = "/" + "/".join(parts[:end]) if end else "/."
            if path not in paths:
                paths.append(path)
    return ("\n".join(paths) + "\n").encode() if paths else b"/.\n"


def info(package, multiarch=False):
    """The files of a package below info/: [(path, bytes)]."""
    base = "%s/info/%s%s." % (DPKG, package.name, ":" + package.arch if multiarch else "")
    return [(base + "list", file_list(package)), (base + "md5sums", md5sums(package))]


def status(packages, **how):
    return "\n".join(stanza(package, **how) for package in packages).encode() + b"\n"


def entries(packages):
    """The database and the files of the packages, for a layer."""
    own = [ocibuild.file(STATUS, status(packages))]
    for package in packages:
        own += [ocibuild.file(path, data) for path, data in info(package)]
    return ocibuild.with_parents(model.file_entries(packages) + own)


def status_d(packages, encoded=False):
    """The distroless form: a control file for each package, its md5sums beside it."""
    own = []
    for package in packages:
        name = package.name
        if encoded:
            name = base64.urlsafe_b64encode(name.encode()).decode()
        base = DPKG + "/status.d/" + name
        own += [ocibuild.file(base, stanza(package, status=None).encode()),
                ocibuild.file(base + ".md5sums", md5sums(package))]
    return ocibuild.with_parents(model.file_entries(packages) + own)
