// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#ifndef CLINUX_SPAWN_H
#define CLINUX_SPAWN_H

#include <stddef.h>
#include <stdint.h>

// What a child is made of. Descriptors not in the map are closed at exec; sources may be any number, targets are
// 0 ... count - 1 in the order of `fds` (a source of -1 leaves the target closed).
struct clx_spawn_plan {
    const char *path;        // absolute, or searched by the caller
    char *const *argv;
    char *const *envp;
    const int *fds;
    size_t fd_count;
    const char *cwd;         // NULL: the caller's
    int new_session;         // setsid(2)
    int new_group;           // setpgid(0, 0)
    int parent_death_signal; // 0: none
    int cgroup;              // directory of the unified hierarchy to be born in where the kernel lets it; -1: none
};

// Starts the child and returns its pid; `*pidfd` is open and CLOEXEC.
// Until it executes the child shares the caller's memory, and the calling thread waits with its signals blocked; the other
// threads go on. A child that is born in a frozen cgroup does not get that far: the caller waits until it is thawed, or
// until the child is killed.
// Returns -errno of the step that failed, clone or exec alike; no child is left then.
int clx_spawn(const struct clx_spawn_plan *plan, int *pidfd);

#endif
