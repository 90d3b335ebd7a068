#!/bin/bash
# Builds the images that the benchmarks scan, from the machine's own apt sources:
#   min  Debian minbase, one layer (about 170 MB)
#   big  min plus language run-times and servers, four layers (about 1.8 GB uncompressed)
# Each as an OCI layout directory with gzip and with zstd layers (NAME-oci-gz, NAME-oci-zst), as an OCI archive
# (NAME-oci-gz.tar) and as a docker archive (NAME-docker.tar). Finished ones are kept: a second run does nothing.
#
# usage: make_images.sh [OUT [min|big|all]]     OUT defaults to $CAREEN_BENCH_DIR, else ~/.cache/careen-bench
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-${CAREEN_BENCH_DIR:-$HOME/.cache/careen-bench}}
which=${2:-all}
# One time stamp for everything, so that a file that both roots have is the same file in both.
export SOURCE_DATE_EPOCH=1700000000

big_packages=python3,nodejs,npm,default-jre-headless,gcc,g++,postgresql,nginx,redis,git,golang,ruby,php,vim

# Debian's own apt source files of this machine's release; others (vendors' repositories) are left out.
apt_sources() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        if grep -qE "^(deb |Suites:).*\b$codename(-updates|-security)?\b" "$file" && grep -qw main "$file"; then
            echo "$file"
        fi
    done
}

# What apt was told about proxies, retries and dates holds for the new root too.
apt_options() {
    apt-config dump | sed -nE 's/^(Acquire::((http|https)::Proxy|Retries|Check-Valid-Until|Check-Date)) "(.+)";$/--aptopt=\1 "\4"/p'
}

# make_root NAME [PACKAGES]: writes NAME.root.tar
make_root() {
    local name=$1 packages=${2:-} target=$out/$1.root.tar
    [ -f "$target" ] && return 0
    echo "make_images: building the root of '$name' (mmdebstrap)" >&2
    local -a options=(--variant=minbase --format=tar --dpkgopt=force-unsafe-io --quiet)
    [ -z "$packages" ] || options+=("--include=$packages")
    local -a more sources
    mapfile -t more < <(apt_options)
    mapfile -t sources < <(apt_sources)
    [ ${#sources[@]} -gt 0 ] || { echo "make_images: no apt source of $codename found under /etc/apt" >&2; exit 1; }
    mmdebstrap "${options[@]}" "${more[@]}" \
        --customize-hook='rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/apt/sources.list.d/*' \
        "$codename" "$target.part" "${sources[@]}" >"$out/$name.log" 2>&1 ||
        { tail -20 "$out/$name.log" >&2; echo "make_images: mmdebstrap failed, see $out/$name.log" >&2; exit 1; }
    mv "$target.part" "$target"
}

# make_forms NAME LAYER.tar...: all forms of one image from its layers
make_forms() {
    local name=$1; shift
    local form
    for form in gz zst; do
        local dir=$out/$name-oci-$form
        [ -d "$dir" ] && continue
        echo "make_images: $name-oci-$form" >&2
        rm -rf "$dir.part"
        /usr/bin/python3 "$here/oci_image.py" --compression "$form" --tag "$name" "$dir.part" "$@"
        mv "$dir.part" "$dir"
    done
    if [ ! -f "$out/$name-oci-gz.tar" ]; then
        tar -C "$out/$name-oci-gz" -cf "$out/$name-oci-gz.tar.part" oci-layout index.json blobs
        mv "$out/$name-oci-gz.tar.part" "$out/$name-oci-gz.tar"
    fi
    if [ ! -f "$out/$name-docker.tar" ]; then
        rm -f "$out/$name-docker.tar.part"
        TMPDIR=$out skopeo copy --quiet "oci:$out/$name-oci-gz:$name" "docker-archive:$out/$name-docker.tar.part:careen-bench/$name:latest"
        mv "$out/$name-docker.tar.part" "$out/$name-docker.tar"
    fi
}

complete() {
    [ -d "$out/$1-oci-gz" ] && [ -d "$out/$1-oci-zst" ] && [ -f "$out/$1-oci-gz.tar" ] && [ -f "$out/$1-docker.tar" ]
}

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
case $which in min | big | all) ;; *) echo "usage: make_images.sh [OUT [min|big|all]]" >&2; exit 2 ;; esac
mkdir -p "$out"
out=$(cd "$out" && pwd)

if ! complete min; then
    make_root min
    make_forms min "$out/min.root.tar"
fi
if [ "$which" != min ] && ! complete big; then
    make_root min
    make_root big "$big_packages"
    layers=("$out"/big.l{1,2,3,4}.tar)
    # Layer 1 is min as it is; the others share what big has beside it, about as 790 : 690 : 173.
    ln -f "$out/min.root.tar" "${layers[0]}"
    /usr/bin/python3 "$here/oci_image.py" --split 790,690,173 --base "$out/min.root.tar" "$out/big.root.tar" "${layers[@]:1}"
    make_forms big "${layers[@]}"
    rm -f "${layers[@]}" "$out/big.root.tar"
fi
[ "$which" = min ] || rm -f "$out/min.root.tar"
echo "$out"
