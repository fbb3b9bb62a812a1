#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
#
# Sourced by the scripts beside it, which set $programs and $lab, a folder for an engine.

export PATH=/usr/sbin:/usr/bin
mkdir -p $lab/logs

die() {
    echo "WRONG: $*"
    tail -n 20 $lab/skiffd.log
    exit 1
}

ctl() { "$programs/skiffctl" -r unix://$lab/run/skiffd.sock -t 5m "$@"; }

# equal WHAT WANTED FOUND
equal() {
    [ "$2" = "$3" ] || die "$1: wanted \"$2\", found \"$3\""
    echo "  $1"
}

# contains WHAT PART TEXT
contains() {
    case $3 in *"$2"*) echo "  $1" ;; *) die "$1: no \"$2\" in \"$3\"" ;; esac
}

# until_true WHAT COMMAND...
until_true() {
    local what=$1 tries=0
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || die "$what did not happen"
        sleep 0.2
    done
    echo "  $what"
}

# pod NAME [SECURITY]: makes a pod in the guest's network, and prints its id.
pod() {
    cat >$lab/$1.pod.json <<JSON
{"metadata": {"name": "$1", "namespace": "test", "uid": "$1", "attempt": 0}, "log_directory": "$lab/logs/$1",
 "linux": {"security_context": {"namespace_options": {"network": 2, "pid": 1${2-}}}}}
JSON
    ctl runp $lab/$1.pod.json
}

# container POD-ID POD NAME SCRIPT [SECURITY]: makes a container and starts it.
container() {
    cat >$lab/$3.json <<JSON
{"metadata": {"name": "$3"}, "image": {"image": "lab/web:1"}, "command": ["sh", "-c", "$4"], "log_path": "$3.log",
 "linux": {"security_context": {"namespace_options": {"network": 2, "pid": 1}${5-}}}}
JSON
    local id
    id=$(ctl create "$1" $lab/$3.json $lab/$2.pod.json) || return 1
    ctl start "$id" >/dev/null
    echo "$id"
}

start_daemon() {
    "$programs/skiffd" --config $lab/skiff.toml >>$lab/skiffd.log 2>&1 &
    daemon=$!
    until_true "skiffd answers" ctl version
}
