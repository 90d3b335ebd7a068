"""What the real rpm says about a database, and databases that the real rpm made."""
import os
import shutil
import subprocess

FORMAT = r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n"

SPEC = """Name: %(name)s
Version: %(version)s
Release: %(release)s
%(epoch)s
Summary: A test package
License: Apache-2.0
Vendor: Example
%%description
A package that a test made.
%%install
%(install)s
%%files
%(files)s
%(subpackages)s
"""


def available():
    return None if shutil.which("rpm") else "rpm is not installed"


def can_build():
    return None if shutil.which("rpm") and shutil.which("rpmbuild") else "rpmbuild is not installed"


def run(folder, *words, backend="sqlite", check=True):
    """Runs rpm on the database directory and gives its standard output."""
    return subprocess.run(["rpm", "--define", "_db_backend " + backend, "--dbpath", folder] +
                          list(words), check=check, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, env=quiet_env(folder)).stdout


def quiet_env(folder):
    return dict(os.environ, HOME=folder, LC_ALL="C")


def rows(folder, backend="sqlite"):
    """The packages as the rows that careen is expected to list."""
    found = []
    for line in run(folder, "-qa", "--qf", FORMAT, backend=backend).splitlines():
        name, epoch, version, arch, source = line.split("\t")
        if epoch != "0":
            version = "%s:%s" % (epoch, version)
        origin, origin_version = split_source(source)
        found.append(("rpm", name, version, none(arch), origin, origin_version))
    return sorted(found, key=str)


def none(text):
    return None if text == "(none)" else text


def split_source(text):
    """Name and version-release from the name of a source package's file."""
    if text == "(none)":
        return None, None
    stem = text[:-len(".src.rpm")]
    name, version, release = stem.rsplit("-", 2)
    return name, "%s-%s" % (version, release)


def spec_text(package, subpackages=()):
    install, listed = [], []
    for one in package.files:
        where = "%{buildroot}" + one.path
        install.append("mkdir -p $(dirname %s)" % where)
        if one.type == "symlink":
            install.append("ln -s %s %s" % (one.link, where))
        elif one.type == "dir":
            install.append("mkdir -p " + where)
        else:
            octal = "".join("\\%03o" % byte for byte in one.content)
            install.append("printf '%%b' '%s' > %s" % (octal.replace("\\", "\\0"), where))
            install.append("chmod %o %s" % (one.permissions(), where))
        mark = "%config " if one.config else "%doc " if one.doc else ""
        listed.append(("%dir " if one.type == "dir" else mark) + one.path)
    more = "".join("%%package %s\nSummary: part\n%%description %s\npart\n%%files %s\n" %
                   (name, name, name) for name in subpackages)
    return SPEC % {
        "name": package.name, "version": package.version, "release": package.release,
        "epoch": "Epoch: %d" % package.epoch if package.epoch is not None else "",
        "install": "\n".join(install).replace("%b'", "%%b'"), "files": "\n".join(listed),
        "subpackages": more}


def build_rpms(folder, package, subpackages=()):
    """Runs rpmbuild; gives the paths of the .rpm files."""
    os.makedirs(folder, exist_ok=True)
    spec = os.path.join(folder, package.name + ".spec")
    with open(spec, "w", encoding="utf-8") as out:
        out.write(spec_text(package, subpackages))
    target = os.path.join(folder, "rpms-" + package.name)
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--target", package.arch,
                    "--define", "_topdir " + os.path.join(folder, "build-" + package.name),
                    "--define", "_rpmdir " + target, "--define", "__os_install_post %{nil}",
                    "--define", "_build_id_links none", spec],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                   env=quiet_env(folder))
    return sorted(os.path.join(base, name) for base, _, names in os.walk(target) for name in names
                  if name.endswith(".rpm"))


def install(folder, rpms):
    """Records packages in a database directory as if they were installed."""
    os.makedirs(folder, exist_ok=True)
    run(folder, "-i", "--justdb", "--nodeps", "--noscripts", "--ignorearch", "--ignoreos", *rpms)
