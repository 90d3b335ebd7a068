"""What a test package is: its name and versions, and the files it owns.

The writers of the databases turn these values into each format; `file_entries`
turns the same values into the files of an image, so that record and content agree
unless a test changes one of them.
"""
import dataclasses
import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ocibuild  # noqa: E402


@dataclasses.dataclass
class OwnedFile:
    path: str                 # absolute
    content: bytes = b""
    type: str = "file"        # file, dir, symlink
    mode: int = None
    link: str = None
    config: bool = False      # dpkg conffile, rpm %config, pacman backup
    doc: bool = False         # rpm %doc
    ghost: bool = False       # rpm %ghost: recorded, not shipped

    def permissions(self):
        return ocibuild.DEFAULT_MODES[self.type] if self.mode is None else self.mode

    def hexdigest(self, algorithm):
        return hashlib.new(algorithm, self.content).hexdigest()


@dataclasses.dataclass
class Package:
    name: str
    version: str = "1.0"
    release: str = None       # rpm
    epoch: int = None
    arch: str = "x86_64"
    source: str = None        # None: the package's own name
    source_version: str = None
    vendor: str = "Example"
    files: list = dataclasses.field(default_factory=list)

    def full_version(self):
        """epoch:version-release as the package managers print it."""
        text = self.version if self.release is None else "%s-%s" % (self.version, self.release)
        return "%d:%s" % (self.epoch, text) if self.epoch else text

    def row(self, kind):
        """What careen is expected to list: (type, name, version, arch, source, source version)."""
        return (kind, self.name, self.full_version(), self.arch,
                self.source or self.name, self.source_version or self.full_version())


def program(path, text="hello"):
    """An executable: a small script, harmless."""
    return OwnedFile(path, ("#!/bin/sh\necho %s\n" % text).encode(), mode=0o755)


def file_entries(packages):
    """The files of the packages as entries of a layer, parents first."""
    entries = []
    for package in packages:
        for one in package.files:
            if not one.ghost:
                entries.append(ocibuild.Entry(one.path.strip("/"), one.type, one.permissions(),
                                              one.content, one.link))
    return ocibuild.with_parents(entries)


def ordinary_files(name, libdir="usr/lib"):
    """A set of files as most packages have: program, library, link, configuration, document."""
    return [
        OwnedFile("/etc/%s.conf" % name, b"# settings of %s\n" % name.encode(), config=True),
        program("/usr/bin/" + name, name),
        OwnedFile("/usr/bin/%s-link" % name, type="symlink", link=name),
        OwnedFile("/%s/lib%s.so.1" % (libdir, name), b"library stand-in " + name.encode()),
        OwnedFile("/usr/share/doc/%s" % name, type="dir"),
        OwnedFile("/usr/share/doc/%s/README" % name, b"About %s.\n" % name.encode(), doc=True),
    ]
