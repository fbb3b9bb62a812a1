// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// What a process may do: device programs of a cgroup, system call filters, capabilities.

#ifndef CLINUX_CONFINE_H
#define CLINUX_CONFINE_H

#include <stddef.h>
#include <stdint.h>

// Programs of type BPF_PROG_TYPE_CGROUP_DEVICE, see bpf(2). Instructions are struct bpf_insn, eight bytes each.
// Returns a descriptor of the loaded program.
int clx_bpf_load_device_program(const uint64_t *instructions, uint32_t count);
// Attaches beside others, or in the place of the program `replaced` when that is not negative.
int clx_bpf_attach_device_program(int cgroup, int program, int replaced);
int clx_bpf_detach_device_program(int cgroup, int program);
// Ids of the attached programs; at most `capacity`, ENOSPC when there are more. Returns their number.
int clx_bpf_device_programs(int cgroup, uint32_t *ids, uint32_t capacity);
int clx_bpf_program_descriptor(uint32_t id);

// seccomp(2) with SECCOMP_SET_MODE_FILTER; the filter is an array of struct sock_filter, eight bytes each.
// Returns 0, or the listener's descriptor where the flags ask for one.
int clx_seccomp_filter(uint32_t flags, const void *filter, uint16_t count);
// 1 when the kernel knows the flags: it then misses the filter, which is not given.
int clx_seccomp_flags_known(uint32_t flags);
// 0 when the kernel knows the action, see SECCOMP_GET_ACTION_AVAIL.
int clx_seccomp_action_available(uint32_t action);
// The next call that a filter hands over, and the answer to one: it fails with `error`. See seccomp_unotify(2).
int clx_seccomp_receive(int listener, uint64_t *id, int32_t *number, uint32_t *architecture);
int clx_seccomp_answer(int listener, uint64_t id, int error);

// capset(2) of the calling thread, version 3; bit N of a set is capability N.
int clx_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int clx_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);

#endif
