"""Other tools on the image that careen was measured on, as far as peers.sh or the system has them."""
import os
import shutil
import subprocess

import measure

NO_DATABASE = "needs its vulnerability database, which cannot be had offline"


def commands(bench, work):
    """[(tool, what it does, command, what to remove before each run)]"""
    layout, archive = bench.image("big-oci-gz"), bench.image("big-docker.tar")
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    cache = work + "/cache"
    return [
        ("skopeo", "copy oci: dir: digests of the blobs, nothing inflated", ["skopeo", "copy", "-q", "oci:%s:big" % layout, "dir:%s/dir" % work], [work + "/dir"]),
        ("skopeo", "copy oci: docker-archive: digests, inflate, writes 1.8 GB",
         ["skopeo", "copy", "-q", "oci:%s:big" % layout, "docker-archive:%s/out.tar:big:latest" % work], [work + "/out.tar"]),
        ("umoci", "unpack: digests, inflate, writes every file", ["umoci", "unpack", *rootless, "--image", "%s:big" % layout, work + "/bundle"], [work + "/bundle"]),
        ("syft", "packages and SBOM (oci-dir, no cache)", ["syft", "scan", "oci-dir:" + layout, "-q", "-o", "syft-json=%s/syft.json" % work], []),
        ("trivy", "packages of the system and SBOM (docker archive, empty cache), no vulnerabilities",
         ["trivy", "image", "--quiet", "--offline-scan", "--skip-java-db-update", "--pkg-types", "os", "--skip-files", "**/*.jar",
          "--cache-dir", cache, "--format", "cyclonedx",
          "--output", work + "/trivy.json", "--input", archive], [cache]),
        ("trivy", "secrets only (docker archive, empty cache)",
         ["trivy", "image", "--quiet", "--offline-scan", "--timeout", "30m", "--cache-dir", cache, "--scanners", "secret",
          "--format", "json", "--output", work + "/secrets.json", "--input", archive], [cache]),
        ("grype", "packages against its database", None, []),
    ]


def environment(bench, work):
    path = os.path.join(bench.images, "peers", "bin") + ":" + os.environ.get("PATH", "")
    temporary = work + "/tmp"  # on the images' disk: some tools write all layers there
    os.makedirs(temporary, exist_ok=True)
    return dict(os.environ, PATH=path, HOME=work, TMPDIR=temporary, SYFT_CHECK_FOR_APP_UPDATE="false", GRYPE_CHECK_FOR_APP_UPDATE="false")


def version_of(tool, env):
    for arguments in (["--version"], ["version"]):
        try:
            done = subprocess.run([tool] + arguments, env=env, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode == 0:
            words = done.stdout.split("\n", 1)[0].replace("Version:", "").split()
            return next((word for word in words if word[:1].isdigit() or word[:2] in ("v0", "v1")), "")
    return None


def row(tool, work, note="", wall=None, cpu=None, peaks_mib=None):
    return {"tool": tool, "work": work, "note": note, "wall": wall, "cpu": cpu, "peaks_mib": peaks_mib}


def twice(tool, work, command, clean, accept, env):
    """The second of two runs: the first one warms the page cache."""
    found = None
    for _ in range(2):
        for path in clean:
            shutil.rmtree(path, ignore_errors=True)
            if os.path.isfile(path):
                os.remove(path)
        found = measure.peak_memory(command, accept, env, interval=0.02)
    return row(tool, work, wall=found["wall"], cpu=found["cpu"], peaks_mib=found["peaks_mib"])


def compare(bench):
    work = os.path.join(bench.images, "peers-work")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    env = environment(bench, work)
    source = "oci-dir:" + bench.image("big-oci-gz")
    cache = work + "/careen-cache"
    cold = bench.scan(source, cache)
    rows = [
        twice("careen", "digests, inflate, every file's digests, packages, ELF, threats; empty cache", cold, [cache], (0, 1, 3), bench.env),
        twice("careen", "the same again, with the cache", cold, [], (0, 1, 3), bench.env),
        twice("limit", "read, digests, inflate, every file's digests", [bench.limit, bench.image("big-oci-gz"), *bench.limit_flags], [], (0,), None),
    ]
    for tool, what, command, clean in commands(bench, work):
        version = version_of(tool, env)
        if version is None:
            rows.append(row(tool, what, "not installed"))
        elif command is None:
            rows.append(row("%s %s" % (tool, version), what, NO_DATABASE))
        else:
            try:
                rows.append(twice(("%s %s" % (tool, version)).strip(), what, command, clean, (0,), env))
            except measure.Failed as error:
                rows.append(row(tool, what, "failed: " + str(error).splitlines()[0].replace(bench.images, "").replace(work, "")[-60:]))
    shutil.rmtree(work, ignore_errors=True)
    return rows
