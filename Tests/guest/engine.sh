#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
#
# engine.sh PROGRAMS LAYOUT: what the whole engine does in a guest of hack/vm that it cannot do on every machine, with the
# kernel of Debian 12: cgroup v2 alone, AppArmor, criu. busybox' shell runs it; it ends with 1 at the first thing that is wrong.

set -eu
programs=$1 layout=$2
lab=/run/lab
mkdir -p $lab/checkpoints
. "${0%/*}/lib.sh"

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
# restored NAME [IMAGE]: makes a container from the checkpoint and starts it.
restored() {
    cat >$lab/$1.json <<JSON
{"metadata": {"name": "$1"}, "image": {"image": "${2-$lab/checkpoints/counter.tar}"}, "log_path": "$1.log",
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

echo "restore from an image:"
# blob TYPE FILE: puts the file into the layout, and prints its descriptor.
blobs=$lab/images/blobs/sha256
blob() {
    local digest
    digest=$(sha256sum "$2" | cut -d' ' -f1)
    [ "$2" = "$blobs/$digest" ] || cp "$2" "$blobs/$digest"
    echo "{\"mediaType\": \"$1\", \"digest\": \"sha256:$digest\", \"size\": $(stat -c %s "$2")}"
}
mkdir -p $blobs
kind=application/vnd.oci.image
archive=$(sha256sum $lab/checkpoints/counter.tar | cut -d' ' -f1)
echo "{\"architecture\": \"amd64\", \"os\": \"linux\", \"rootfs\": {\"type\": \"layers\", \"diff_ids\": [\"sha256:$archive\"]}}" >$lab/config
cat >$lab/manifest <<JSON
{"schemaVersion": 2, "mediaType": "$kind.manifest.v1+json", "config": $(blob $kind.config.v1+json $lab/config),
 "layers": [$(blob $kind.layer.v1.tar $lab/checkpoints/counter.tar)],
 "annotations": {"io.kubernetes.cri-o.annotations.checkpoint.name": "counter"}}
JSON
echo '{"imageLayoutVersion": "1.0.0"}' >$lab/images/oci-layout
echo "{\"schemaVersion\": 2, \"manifests\": [$(blob $kind.manifest.v1+json $lab/manifest)]}" >$lab/images/index.json
"$programs/skiffimg" copy --config $lab/skiff.toml oci:$lab/images store:lab/counter:1 >/dev/null
first=$id
id=$(restored third lab/counter:1) || die "it is not restored: $(ctl inspect "$(ctl ps -aq --name third)")"
[ "$(number)" -ge "$before" ] || die "it began anew: $(number), after $before"
until_true "it goes on" more "$(number)"
equal "what was removed stays so" 1 "$(ctl exec -s "$id" ls /www/index.html >/dev/null 2>&1; echo $?)"
equal "the image is not needed any more" 0 "$(ctl rmi lab/counter:1 >/dev/null 2>&1; echo $?)"
ctl rm -f "$id" >/dev/null
id=$first

echo "restart:"
kill -9 $daemon
start_daemon
until_true "it goes on" more "$(number)"
ctl stopp --all >/dev/null
ctl rmp --all >/dev/null
equal "no mount is left" 0 "$(grep -c " $lab/" /proc/self/mountinfo)"
equal "no cgroup is left" 0 "$(find /sys/fs/cgroup -type d -path '*/lab/*' | wc -l)"

echo "limits of what containers write:"
kill $daemon
wait $daemon || true
printf '[image]\nwritable_limit = 8388608\n' >>$lab/skiff.toml
refusal=$("$programs/skiffd" --config $lab/skiff.toml 2>&1) && die "it starts without quotas"
contains "without quotas it does not start" "no quotas of projects" "$refusal"
truncate -s 256M $lab/disk
mkfs.ext4 -q -O quota,project -E quotatype=prjquota $lab/disk
mkdir $lab/limited
mount -t ext4 -o loop,prjquota $lab/disk $lab/limited
sed -i "s|^root = .*|root = \"$lab/limited\"|" $lab/skiff.toml
"$programs/skiffimg" copy --config $lab/skiff.toml "oci:$layout:1" store:lab/web:1 >/dev/null
start_daemon
pod=$(pod limited)
# write MEGABYTES FILE: prints what dd says, and the size of the file.
write() { ctl exec -s "$id" sh -c "dd if=/dev/zero of=$2 bs=64k count=$(($1 * 16)) 2>&1; busybox stat -c '%s bytes' $2"; }
id=$(container "$pod" limited first 'sleep 100000')
contains "what is below the limit is written" "6291456 bytes" "$(write 6 /six)"
said=$(write 6 /more)
contains "more is refused" "uota exceeded" "$said"
[ "$(echo "$said" | sed -n 's/ bytes$//p' | tail -n 1)" -le 2097152 ] || die "more than the limit: $said"
ctl exec -s "$id" busybox rm /six
contains "what is removed makes room" "5242880 bytes" "$(write 5 /five)"
id=$(container "$pod" limited second 'sleep 100000')
contains "another container has its own" "6291456 bytes" "$(write 6 /six)"
kill -9 $daemon
start_daemon
contains "with a new daemon too" "uota exceeded" "$(write 6 /more)"
ctl rmp -a -f >/dev/null
equal "nothing is left of them" 0 "$(ls $lab/limited/containers | wc -l)"
kill $daemon
wait $daemon || true
umount $lab/limited
echo "all is well"
