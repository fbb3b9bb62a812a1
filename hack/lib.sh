# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
# shellcheck shell=bash
#
# Sourced by the scripts beside it: finds the repository and Swift, times steps, cleans up.

set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where hack/build puts the five programs.
programs=${SKIFF_PROGRAMS:-$repository/.build/skiff/bin}
names=(skiffd skiffctl skiffimg skiffmon skiffrun)

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# step NAME COMMAND...: runs the command, says what it is and how long it took. A failure ends the script, unless
# keep_going is set: then $failed lists the steps that failed. Not to be called in a condition, where `set -e` is off.
keep_going='' failed=() report=()
step() {
    local name=$1 begin=$EPOCHREALTIME status line
    shift
    say "==> $name"
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    line="$name: $([ $status = 0 ] && echo done || echo "FAILED (status $status)"), $(seconds_since "$begin") s"
    say "    $line"
    report+=("$line")
    [ $status = 0 ] && return
    failed+=("$name")
    [ -n "$keep_going" ] || exit $status
}

# seconds_since TIME: seconds with one decimal since TIME, a value of $EPOCHREALTIME.
seconds_since() {
    local now=$EPOCHREALTIME
    local tenths=$(((${now/[.,]/} - ${1/[.,]/}) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# Puts Swift on PATH, or says where to get it.
need_swift() {
    command -v swift >/dev/null || PATH=/opt/swift/usr/bin:$PATH
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p') || true
    [ -n "$version" ] || die "no swift on PATH or in /opt/swift/usr/bin: get 6.2 or newer for Debian 12 from
    https://www.swift.org/install/linux/ and unpack it so that /opt/swift/usr/bin/swift exists"
    printf '6.2\n%s\n' "$version" | sort -CV || die "swift $version is too old: 6.2 or newer is needed, see
    https://www.swift.org/install/linux/"
    export PATH
}

# swift_build OPTIONS...: `swift build`, which leaves hundreds of empty folders where temporary files are: in a place that goes.
swift_build() {
    local folder status=0
    folder=$(mktemp -d "${TMPDIR:-/tmp}/skiff-build.XXXXXX")
    TMPDIR=$folder swift build "$@" || status=$?
    rm -rf "$folder"
    return $status
}

# Makes $scratch, a folder that goes away with the script.
need_scratch() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/skiff-${0##*/}.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# Makes $environment, a Python with gRPC and pytest, and in $environment/stubs the messages and
# services of the CRI and of traces, and the messages of the NRI.
python_environment() {
    environment=$repository/.build/python
    if ! "$environment/bin/python" -c 'import grpc_tools, pytest, xdist' 2>/dev/null; then
        python3 -m venv "$environment"
        "$environment/bin/pip" install -q grpcio grpcio-tools pytest pytest-xdist
    fi
    mkdir -p "$environment/stubs"
    "$environment/bin/python" -m grpc_tools.protoc -I "$repository/Sources/CRIAPI" -I "$repository/Sources/OTLPAPI" \
        --python_out="$environment/stubs" --grpc_python_out="$environment/stubs" \
        runtime/v1/api.proto collector/trace/v1/trace_service.proto
    "$environment/bin/python" -m grpc_tools.protoc -I "$repository/Sources/NRIAPI" \
        --python_out="$environment/stubs" nri/v1alpha1/api.proto ttrpc/ttrpc.proto
}

# in_engine_guest [OPTION]... -- COMMAND [ARGUMENT]...: runs the command in a guest of hack/vm --systemd, with the options
# besides, where it finds the programs, the scripts and tests, the Python environment, and what a private engine needs.
in_engine_guest() {
    local guest=(--systemd -p -M 6144 -t "${SKIFF_VM_LIMIT:-900}") name file module prepare
    python_environment
    while [ "$1" != -- ]; do
        guest+=("$1")
        shift
    done
    shift
    for name in "${names[@]}"; do guest+=(-f "$programs/$name"); done
    for file in hack conformance Sources/CRIAPI Sources/OTLPAPI Sources/NRIAPI .build/python; do
        guest+=(-f "$repository/$file")
    done
    # Registry, images, other runtimes, networks, and where the scripts need more than busybox has.
    for file in docker-registry skopeo umoci crun runc iptables ip6tables iptables-save ip6tables-save bash env ip \
        realpath rm grep find xargs; do
        guest+=(-f "$(command -v "$file")")
    done
    guest+=(-f /usr/lib/cni -f /etc/containers -f /usr/lib/x86_64-linux-gnu/xtables)
    for module in loop veth bridge nf_tables nft_compat nft_chain_nat xt_nat xt_MASQUERADE xt_mark xt_comment \
        xt_multiport xt_addrtype xt_conntrack xt_tcpudp; do
        guest+=(-m "$module")
    done
    # What gRPC's modules load.
    for file in $(find "$repository/.build/python" -name '*.so' -exec ldd {} + | grep -o ' /[^ ]*' | sort -u); do
        guest+=(-f "$file")
    done
    # The Python of the environment may be another than Debian's, which is the one that the guest has.
    prepare='export SKIFF_PROGRAMS=$1
for name in python python3; do ln -sf /usr/bin/python3 "$2/bin/$name"; done
echo "home = /usr/bin" >"$2/pyvenv.cfg" && shift 2 && exec "$@"'
    "$repository/hack/vm" "${guest[@]}" /bin/bash -c "$prepare" in-guest "$programs" "$repository/.build/python" "$@"
}
