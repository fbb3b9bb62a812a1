// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux_schedule.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESULT(call) ({ long result_ = (call); result_ < 0 ? -errno : (int)result_; })

int clx_sched_setattr(int pid, const struct clx_schedule *schedule) {
    // Linux' struct sched_attr with the fields of 5.3 (SCHED_ATTR_SIZE_VER1), without which the flags of the clamps are
    // refused. Its header collides with glibc's sched.h.
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
        uint32_t util_min, util_max;
    } attributes = {
        .size = sizeof attributes,
        .policy = schedule->policy,
        .flags = schedule->flags,
        .nice = schedule->nice,
        .priority = schedule->priority,
        .runtime = schedule->runtime,
        .deadline = schedule->deadline,
        .period = schedule->period,
    };
    _Static_assert(sizeof attributes == 56, "size of struct sched_attr");
    return RESULT(syscall(SYS_sched_setattr, pid, &attributes, 0));
}

int clx_ioprio_set(int pid, int priority) {
    // IOPRIO_WHO_PROCESS of linux/ioprio.h, which older headers lack.
    return RESULT(syscall(SYS_ioprio_set, 1, pid, priority));
}

int clx_sched_setaffinity(int pid, const void *mask, size_t size) {
    return RESULT(syscall(SYS_sched_setaffinity, pid, size, mask));
}

int clx_set_mempolicy(int mode, const void *nodes, uint64_t bits) {
    // The kernel takes the last bit for the terminator: it reads one bit less than it is told.
    return RESULT(syscall(SYS_set_mempolicy, mode, bits == 0 ? NULL : nodes, bits == 0 ? 0 : bits + 1));
}
