# Root file systems on disk: what is read here is the machine's own, so links, fifos and devices matter most.
import os

from case import case
from elfmaker import clean
from tarmaker import archive, file

ODD = "legal but odd: examined, usual verdict"


def root(d, *files):
    for name in ("etc", "usr/lib"):
        os.makedirs(f"{d}/rootfs/{name}")
    for name, data in (("etc/motd", b"hello\n"),) + files:
        os.makedirs(os.path.dirname(f"{d}/rootfs/{name}"), exist_ok=True)
        with open(f"{d}/rootfs/{name}", "wb") as f:
            f.write(data)
    return f"dir:{d}/rootfs"


@case("dir-plain", "an honest root file system", 0, "the control", listed="/etc/motd")
def dir_plain(d):
    return root(d)


@case("dir-fifo", "fifos, also where databases and os-release are looked for", (0, 3), "no fifo is opened: it would wait for ever",
      coverage="packages")
def dir_fifo(d):
    image = root(d)
    os.mkfifo(f"{d}/rootfs/pipe")
    os.mkfifo(f"{d}/rootfs/etc/os-release")
    os.makedirs(f"{d}/rootfs/var/lib/dpkg")
    os.mkfifo(f"{d}/rootfs/var/lib/dpkg/status")
    return image


@case("dir-link-out", "os-release, the dpkg database and a file are links to files outside", 0,
      "links are followed inside the root only: nothing of the machine is read", unlisted="/etc/passwd")
def dir_link_out(d):
    image = root(d)
    with open(f"{d}/outside", "wb") as f:
        f.write(b"Package: outsider\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n")
    os.symlink("../../../outside", f"{d}/rootfs/etc/escape")
    os.symlink("/etc/os-release", f"{d}/rootfs/usr/lib/os-release")
    os.symlink("/etc", f"{d}/rootfs/link")
    return image


@case("dir-database-link-out", "var/lib/dpkg is a link to a folder outside with a database", (0, 3),
      "followed inside the root only: the database outside is not read", coverage="packages")
def dir_database_out(d):
    image = root(d)
    os.makedirs(f"{d}/outside")
    with open(f"{d}/outside/status", "wb") as f:
        f.write(b"Package: liblzma5\nStatus: install ok installed\nVersion: 5.6.1-1\nArchitecture: amd64\nSource: xz-utils\n\n")
    os.makedirs(f"{d}/rootfs/var/lib")
    os.symlink(f"{d}/outside", f"{d}/rootfs/var/lib/dpkg")
    return image


@case("dir-link-cycle", "links to themselves, to their parent and to the root", 0, "no link is descended into: it ends",
      listed=("/self", "/usr/up"))
def dir_cycle(d):
    image = root(d)
    os.symlink("self", f"{d}/rootfs/self")
    os.symlink("..", f"{d}/rootfs/usr/up")
    os.symlink("/", f"{d}/rootfs/usr/root")
    return image


@case("dir-deep", "folders nested 2,000 deep", (0, 3), "walked without recursion, or over a named limit", coverage="content")
def dir_deep(d):
    image = root(d)
    here = os.open(f"{d}/rootfs", os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    return image


@case("dir-names", "names with newlines, escapes and invalid UTF-8", 0, ODD, listed="/bad\\xff", terminal=True)
def dir_names(d):
    image = root(d)
    for name in (b"bad\xff", b"new\nline", b"\x1b[2Jesc", b"-rf"):
        with open(os.path.join(os.fsencode(f"{d}/rootfs"), name), "wb") as f:
            f.write(b"x")
    return image


@case("dir-sparse", "a file of 6 GiB that is one hole", (0, 3), "read in bounded memory, or over a named limit",
      coverage="content", args=("--max-layer-size", "1G"))
def dir_sparse(d):
    image = root(d, ("hole", b""))
    os.truncate(f"{d}/rootfs/hole", 6 << 30)
    return image


@case("dir-empty", "an empty folder", 0, "nothing is in it, and all of that was read")
def dir_empty(d):
    return f"dir:{d}"


@case("dir-socket", "a socket", 0, ODD)
def dir_socket(d):
    import socket
    image = root(d)
    with socket.socket(socket.AF_UNIX) as s:
        here = os.getcwd()
        os.chdir(f"{d}/rootfs")
        s.bind("sock")
        os.chdir(here)
    return image


@case("dir-elf-hardlinks", "one library under 500 hard links", 0, ODD, listed="/l499")
def dir_hardlinks(d):
    image = root(d, ("l0", clean().build()))
    for i in range(1, 500):
        os.link(f"{d}/rootfs/l0", f"{d}/rootfs/l{i}")
    return image


@case("dir-is-link-cycle", "dir: of a link to itself", 4, "no image to be had")
def dir_is_cycle(d):
    os.symlink("loop", f"{d}/loop")
    return f"dir:{d}/loop"


@case("dir-whiteout-names", "files named .wh.motd and .wh..wh..opq in a root file system", 0,
      "on disk such names are names: nothing is hidden by them", listed=("/etc/motd", "/etc/.wh.motd"))
def dir_whiteouts(d):
    return root(d, ("etc/.wh.motd", b""), ("etc/.wh..wh..opq", b""))


@case("dir-tar-inside", "a layer tar as a file", 0, "a file like any other", listed="/layer.tar")
def dir_tar(d):
    return root(d, ("layer.tar", archive(file("../../x"))))
