#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
#
# engine.sh PROGRAMS LAYOUT: what the whole engine does in a guest of hack/vm that it cannot do on every machine, with the
# kernel of Debian 12: cgroup v2 alone, AppArmor, criu. busybox' shell runs it; it ends with 1 at the first thing that is wrong.

set -eu
programs=$1 layout=$2
lab=/run/lab
mkdir -p $lab/logs $lab/checkpoints
export PATH=/usr/sbin:/usr/bin

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

cat >$lab/skiff.toml <<TOML
root = "$lab/lib"
run = "$lab/run"
[runtime]
cgroup_parent = "/lab"
[runtime.handlers.skiffrun]
[checkpoint_restore]
restore_dirs = ["$lab/checkpoints"]
TOML
"$programs/skiffimg" copy --config $lab/skiff.toml "oci:$layout:1" store:lab/web:1 >/dev/null
start_daemon

echo "AppArmor:"
plain=$(pod plain)
label='cat /proc/self/attr/current'
id=$(container "$plain" plain default 'sleep 100000')
equal "a container is confined" "skiff-default (enforce)" "$(ctl exec -s "$id" $label)"
equal "it cannot press SysRq" 1 "$(ctl exec -s "$id" sh -c 'echo h > /proc/sysrq-trigger' >/dev/null 2>&1; echo $?)"
id=$(container "$plain" plain stated 'sleep 100000' ', "apparmor": {"profile_type": 0}')
equal "so is one that asks for it" "skiff-default (enforce)" "$(ctl exec -s "$id" $label)"
ctl stop -t 1 "$id" >/dev/null
contains "it can be stopped" Exited "$(ctl ps -a --id "$id")"
id=$(container "$plain" plain free 'sleep 100000' ', "apparmor": {"profile_type": 1}')
equal "one that asks for none is not" unconfined "$(ctl exec -s "$id" $label)"
if refusal=$(container "$plain" plain absent true ', "apparmor": {"profile_type": 2, "localhost_ref": "lab-profile"}' 2>&1); then
    die "a profile that is not loaded was taken"
fi
contains "a profile that is not loaded is refused" 'lab-profile' "$refusal"
printf 'profile lab-profile flags=(attach_disconnected) { file, capability, network, signal, deny /etc/passwd r, }\n' \
    >$lab/profile
apparmor_parser -r -K $lab/profile
id=$(container "$plain" plain own 'sleep 100000' ', "apparmor": {"profile_type": 2, "localhost_ref": "lab-profile"}')
equal "one that is loaded holds" "lab-profile (enforce)" "$(ctl exec -s "$id" $label)"
equal "and forbids" 1 "$(ctl exec -s "$id" cat /etc/passwd >/dev/null 2>&1; echo $?)"
id=$(container "$plain" plain older 'sleep 100000' ', "apparmor_profile": "localhost/lab-profile"')
equal "the older string means the same" "lab-profile (enforce)" "$(ctl exec -s "$id" $label)"

echo "checkpoint:"
id=$(container "$plain" plain counter \
    'echo hello; rm /www/index.html; i=0; while true; do i=$((i+1)); echo $i > /count; echo $i; sleep 0.1; done')
number() { ctl exec -s "$id" cat /count; }
more() { [ "$(number)" -gt "$1" ]; }
until_true "it counts" more 1
ctl checkpoint --export $lab/counter.tar "$id" >/dev/null || die "$(ctl inspect "$id")"
until_true "it goes on" more "$(number)"
mkdir $lab/unpacked
tar -xf $lab/counter.tar -C $lab/unpacked
for part in config.dump spec.dump bind.mounts rootfs-diff.tar deleted.files dump.log io.kubernetes.cri-o.LogPath; do
    [ -s $lab/unpacked/$part ] || die "the archive has no $part"
done
contains "what was removed" '/www/index.html' "$(cat $lab/unpacked/deleted.files)"
contains "the log" hello "$(cat $lab/unpacked/io.kubernetes.cri-o.LogPath)"
contains "what was added" count "$(tar -tf $lab/unpacked/rootfs-diff.tar)"
contains "memory" pages- "$(ls $lab/unpacked/checkpoint)"
equal "the archive is root's alone" 600 "$(stat -c %a $lab/counter.tar)"
equal "nothing is left of the work" 1 "$(ls $lab/lib/containers/"$id"/checkpoint >/dev/null 2>&1; echo $?)"

echo "restore:"
before=$(number)
ctl checkpoint --export $lab/checkpoints/counter.tar "$id" >/dev/null || die "$(ctl inspect "$id")"
ctl rm -f "$id" >/dev/null
# restored NAME: makes a container from the checkpoint and starts it.
restored() {
    cat >$lab/$1.json <<JSON
{"metadata": {"name": "$1"}, "image": {"image": "$lab/checkpoints/counter.tar"}, "log_path": "$1.log",
 "linux": {"security_context": {"namespace_options": {"network": 2, "pid": 1}}}}
JSON
    local id
    id=$(ctl create "$plain" $lab/$1.json $lab/plain.pod.json) || return 1
    ctl start "$id" >/dev/null || return 1
    echo "$id"
}
second=$(restored second) || die "it is not restored: $(ctl inspect "$(ctl ps -aq --name second)")"
id=$(restored first)
[ "$(number)" -ge "$before" ] || die "it began anew: $(number), after $before"
until_true "it goes on" more "$(number)"
until_true "so does its log" grep -q " stdout F $(($(number) + 1))$" $lab/logs/plain/first.log
equal "what it said before is not in it" 1 "$(grep -q hello $lab/logs/plain/first.log; echo $?)"
equal "what was removed stays so" 1 "$(ctl exec -s "$id" ls /www/index.html >/dev/null 2>&1; echo $?)"
contains "it runs" Running "$(ctl ps --id "$id")"
contains "its cgroup is its own" "$id" "$(cat /proc/"$(ctl inspect "$id" | sed -n 's/.*"pid": \([0-9]*\),.*/\1/p')"/cgroup)"
equal "nothing is left of the work" 1 "$(ls $lab/lib/containers/"$id"/restore >/dev/null 2>&1; echo $?)"
ctl stop -t 1 "$second" >/dev/null
contains "another one of it can be stopped" Exited "$(ctl ps -a --id "$second")"
ctl checkpoint --export $lab/checkpoints/counter.tar2 "$id" >/dev/null || die "no checkpoint of what was restored"

echo "restart:"
kill -9 $daemon
start_daemon
until_true "it goes on" more "$(number)"
ctl stopp --all >/dev/null
ctl rmp --all >/dev/null
equal "no mount is left" 0 "$(grep -c " $lab/" /proc/self/mountinfo)"
equal "no cgroup is left" 0 "$(find /sys/fs/cgroup -type d -path '*/lab/*' | wc -l)"
echo "all is well"
