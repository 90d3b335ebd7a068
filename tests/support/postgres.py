#!/usr/bin/python3
"""A PostgreSQL of a test's own, on a socket in its folder and on loopback where a port is given.

    postgres.py start FILE     begins one (an old one is ended first); its address is written to the file
    postgres.py stop FILE      ends it

As a module: p = Postgres(); p.start(); p.url("name"), p.restart(), p.sql(...); p.remove().
PostgreSQL refuses to run as root, so it then runs as the user that Debian's package makes, else as nobody; for either its
folder stands where everyone may go.
"""

import glob
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile

def binaries():
    """Where initdb and postgres stand; None when PostgreSQL is not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    first = found[-1] if found else shutil.which("initdb")
    return pathlib.Path(os.path.realpath(first)).parent if first else None


def other_user():
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


class Postgres:
    def __init__(self, folder=None, port=None):
        self.bin, self.user, self.port = binaries(), other_user(), port
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="careen-postgres-"))

    def _run(self, *command, **kw):
        if self.user:
            kw.update(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        env = dict(os.environ, HOME=str(self.folder), LC_ALL="C.UTF-8")
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder, env=env, **kw)

    def make(self):
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
            os.chmod(self.folder, 0o755)
        self._run(str(self.bin / "initdb"), "-D", str(self.folder / "data"), "-A", "trust", "-E", "UTF8", "--no-locale", "-U", "careen")
        # A test's data may be lost with the machine, but what was committed outlives a killed server.
        lines = [f"unix_socket_directories='{self.folder}'", f"listen_addresses='{'127.0.0.1' if self.port else ''}'", "fsync=off",
                 "full_page_writes=off", "max_connections=60", "shared_buffers=64MB"]
        if self.port:
            lines.append(f"port={self.port}")
        with open(self.folder / "data/postgresql.conf", "a", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")

    def begin(self):
        self._run(str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-t", "60", "start")

    def end(self, mode="immediate"):
        try:
            self._run(str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-m", mode, "-w", "-t", "60", "stop")
        except subprocess.CalledProcessError:
            pass  # it was not running

    def restart(self, mode="immediate"):
        self.end(mode)
        self.begin()

    def url(self, database="postgres"):
        where = f"127.0.0.1:{self.port}" if self.port else ""
        return f"postgresql://careen@{where}/{database}" + ("" if self.port else f"?host={self.folder}")

    def sql(self, text, database="postgres"):
        return self._run(str(self.bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", text).stdout.decode()

    def database(self, name):
        self.sql(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def start(self):
        self.make()
        self.begin()
        return self

    def remove(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    command, file = sys.argv[1], pathlib.Path(sys.argv[2])
    if not binaries():
        print("SKIPPED: PostgreSQL is not installed")
        return 77
    if file.exists():  # its second line is the folder
        Postgres(file.read_text().split()[1]).remove()
        file.unlink()
    if command == "start":
        server = Postgres().start()
        file.write_text(f"{server.url()}\n{server.folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
