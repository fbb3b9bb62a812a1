// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// When and where a process runs: scheduling policy, I/O priority, CPUs, memory nodes.

#ifndef CLINUX_SCHEDULE_H
#define CLINUX_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

// struct sched_attr of sched_setattr(2) without its size; the utilisation clamps are 0.
struct clx_schedule {
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
// `pid` 0 is the calling thread in all of these.
int clx_sched_setattr(int pid, const struct clx_schedule *schedule);
// ioprio_set(2) of one process; `priority` is IOPRIO_PRIO_VALUE(class, data).
int clx_ioprio_set(int pid, int priority);
// Bit N of the little-endian mask is CPU N; `size` in bytes.
int clx_sched_setaffinity(int pid, const void *mask, size_t size);
// set_mempolicy(2) of the calling thread; `bits` is the number of bits in the mask of nodes.
int clx_set_mempolicy(int mode, const void *nodes, uint64_t bits);

#endif
