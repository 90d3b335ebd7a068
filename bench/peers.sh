#!/bin/bash
# Installs what it can of other tools into $CAREEN_BENCH_DIR/peers, for `run.py --peers`. Never a dependency: what cannot
# be had is left out and said. skopeo and umoci come from Debian; Trivy, Syft and Grype are built with a Go toolchain, if
# one is there, through the module proxy it is set up with. Slow (minutes each) and polite (nice 19).
#
# usage: peers.sh [TOOL[@VERSION]...]      (trivy, syft, grype; the newest of all, if none is named)
set -uo pipefail

dir=${CAREEN_BENCH_DIR:-$HOME/.cache/careen-bench}/peers
limit=${PEERS_TIMEOUT:-1500} # seconds for each build
mkdir -p "$dir/bin"

declare -A module=(
    [trivy]=github.com/aquasecurity/trivy/cmd/trivy
    [syft]=github.com/anchore/syft/cmd/syft
    [grype]=github.com/anchore/grype/cmd/grype
)

debian_tool() {
    local tool=$1
    command -v "$tool" >/dev/null && return 0
    [ -x "$dir/bin/$tool" ] && return 0
    (
        set -e
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        cd "$work"
        apt-get download "$tool" >/dev/null 2>&1
        dpkg-deb -x ./*.deb root
        cp "root/usr/bin/$tool" "$dir/bin/"
        "$dir/bin/$tool" --version >/dev/null 2>&1 # its libraries may be missing
    ) || { rm -f "$dir/bin/$tool"; echo "peers: $tool is not installed and could not be had alone: apt-get install $tool"; }
}

go_tool() {
    local tool=${1%@*} version=latest start=$SECONDS
    [ "$tool" = "$1" ] || version=${1#*@}
    [ -x "$dir/bin/$tool" ] && { echo "peers: $tool is there"; return 0; }
    command -v go >/dev/null || { echo "peers: no Go toolchain: $tool left out"; return 0; }
    echo "peers: building $tool ($version)"
    # GOEXPERIMENT: trivy imports encoding/json/v2, which this makes part of the standard library.
    if GOEXPERIMENT=jsonv2 GOBIN=$dir/bin GOPATH=$dir/go GOCACHE=$dir/go/cache GOFLAGS=-modcacherw CGO_ENABLED=0 GOMAXPROCS=2 \
        timeout "$limit" nice -n 19 go install "${module[$tool]}@$version" >"$dir/$tool.log" 2>&1; then
        echo "peers: $tool built in $((SECONDS - start)) s"
    else
        echo "peers: $tool could not be built, see $dir/$tool.log: $(tail -1 "$dir/$tool.log" | cut -c1-200)"
    fi
}

debian_tool skopeo
debian_tool umoci
[ $# -gt 0 ] || set -- syft grype trivy
for one in "$@"; do
    [ -n "${module[${one%@*}]:-}" ] || { echo "usage: peers.sh [trivy|syft|grype[@VERSION]]..." >&2; exit 2; }
    go_tool "$one"
done
rm -rf "$dir/go"
