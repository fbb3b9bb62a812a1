#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
#
# selinux.sh PROGRAMS LAYOUT POLICY: the labels that the engine gives, in a guest of hack/vm whose kernel has SELinux.
# busybox' shell runs it; it ends with 1 at the first thing that is wrong.

set -eu
programs=$1 layout=$2 policy=$3
lab=/run/lab
. "${0%/*}/lib.sh"

mkdir -p /etc/selinux/lab/contexts
echo SELINUXTYPE=lab >/etc/selinux/config
cat >/etc/selinux/lab/contexts/lxc_contexts <<CONTEXTS
process = "system_u:system_r:container_t:s0"
file = "system_u:object_r:container_file_t:s0"
init_process = "system_u:system_r:container_init_t:s0"
CONTEXTS
# The kernel takes it in one piece.
dd if="$policy" of=/sys/fs/selinux/load bs=16M 2>/dev/null || die "the kernel does not take the policy"
echo 1 >/sys/fs/selinux/enforce

cat >$lab/skiff.toml <<TOML
root = "$lab/lib"
run = "$lab/run"
[runtime]
cgroup_parent = "/lab"
hostnetwork_disable_selinux = false
[runtime.handlers.skiffrun]
allowed_annotations = ["try-skip-volume-selinux-label.crio.io"]
TOML
"$programs/skiffimg" copy --config $lab/skiff.toml "oci:$layout:1" store:lab/web:1 >/dev/null
start_daemon

# process ID: the label of the container's first process; file PATH: that of a file.
process() { tr -d '\0' </proc/"$(ctl inspect "$1" | sed -n 's/.*"pid": \([0-9]*\),.*/\1/p' | head -n 1)"/attr/current; }
file() { getfattr --absolute-names --only-values -n security.selinux "$1" | tr -d '\0'; }
root() { echo $lab/run/containers/"$1"/rootfs; }

echo "labels:"
one=$(pod one)
id=$(container "$one" one first 'echo hello > /written; sleep 100000')
label=$(process "$id")
level=${label#system_u:system_r:container_t:}
case $level in s0:c*,c*) echo "  a process has the pod's categories" ;; *) die "a process has the label $label" ;; esac
equal "so have its files" "system_u:object_r:container_file_t:$level" "$(file "$(root "$id")/bin/sh")"
until_true "it writes" test -s "$(root "$id")/written"
equal "and those that it writes" "system_u:object_r:container_file_t:$level" "$(file "$(root "$id")/written")"
equal "a command too" "$label" "$(ctl exec -s "$id" cat /proc/self/attr/current | tr -d '\0')"
for name in hosts resolv.conf hostname containerenv shm; do
    equal "the pod's $name" "system_u:object_r:container_file_t:$level" "$(file "$lab/run/pods/$one/$name")"
done
place=$(ctl exec -s "$id" cat /proc/self/mountinfo)
contains "its own mounts" "context=system_u:object_r:container_file_t:$level" "$(echo "$place" | grep ' /dev ' | tr -d '"')"
equal "another container of the pod has the same" "$label" "$(process "$(container "$one" one second 'sleep 100000')")"
two=$(pod two)
other=$(process "$(container "$two" two third 'sleep 100000')")
[ "$other" != "$label" ] || die "two pods have the label $label"
kill -9 $daemon
start_daemon
equal "nor does a new daemon change it" "$label" "$(process "$(container "$one" one fourth 'sleep 100000')")"
id=$(container "$one" one stated 'sleep 100000' ', "selinux_options": {"type": "other_t", "level": "s0:c7,c9"}')
equal "what is stated holds" "system_u:system_r:other_t:s0:c7,c9" "$(process "$id")"
equal "for files too" "system_u:object_r:container_file_t:s0:c7,c9" "$(file "$(root "$id")/bin/sh")"

echo "pods that are no pods apart:"
sed 's/"pid": 1/"pid": 2/; s/one/node/g' $lab/one.pod.json >$lab/node.pod.json
node=$(ctl runp $lab/node.pod.json)
id=$(container "$node" node free 'sleep 100000')
equal "with the node's processes" "$(tr -d '\0' </proc/self/attr/current)" "$(process "$id")"
sed -i 's/^hostnetwork.*//' $lab/skiff.toml
kill -HUP $daemon
until_true "the setting counts" grep -q hostnetwork_disable_selinux $lab/skiffd.log
net=$(pod net)
equal "with the node's network" "$(tr -d '\0' </proc/self/attr/current)" "$(process "$(container "$net" net plain 'sleep 100000')")"
equal "earlier pods keep theirs" "$label" "$(process "$(container "$one" one fifth 'sleep 100000')")"

echo "volumes:"
mkdir -p $lab/volume/deep
echo 1 >$lab/volume/deep/file
ln -s /etc/passwd $lab/volume/link
before=$(file /etc/passwd)
# mounted NAME FOLDER RELABEL: makes a container with the folder at /data, and prints its id.
mounted() {
    cat >$lab/$1.json <<JSON
{"metadata": {"name": "$1"}, "image": {"image": "lab/web:1"}, "command": ["sleep", "100000"],
 "mounts": [{"host_path": "$2", "container_path": "/data", "selinux_relabel": $3}],
 "linux": {"security_context": {"namespace_options": {"network": 2, "pid": 1}}}}
JSON
    ctl create "$one" $lab/$1.json $lab/one.pod.json
}
mounted left $lab/volume false >/dev/null
equal "one that stays as it is" system_u:object_r:file_t:s0 "$(file $lab/volume/deep/file)"
mounted labelled $lab/volume true >/dev/null
for path in $lab/volume $lab/volume/deep $lab/volume/deep/file; do
    equal "one that gets the label" "system_u:object_r:container_file_t:$level" "$(file $path)"
done
equal "links are not followed" "$before" "$(file /etc/passwd)"
if refusal=$(mounted machine /etc true 2>&1); then die "/etc got a container's label"; fi
contains "the machine's folders keep theirs" "the machine needs it" "$refusal"
ctl rmp -a -f >/dev/null
equal "no mount is left" 0 "$(grep -c " $lab/" /proc/self/mountinfo)"
echo "all is well"
