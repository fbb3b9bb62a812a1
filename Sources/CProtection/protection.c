// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The first and usual half of skiffrun's protection of its own file; SelfProtection.swift tells what from, checks that
// it has worked, and has the other half. This one runs before the Swift runtime has started, which would start twice
// otherwise: that took a tenth of the time of a whole `run`. Linked into skiffrun alone.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static char marker[] = "_SKIFFRUN_PROTECTED=1";

// Any word may be the command's. One that only looks like it costs an execution and does no harm.
static int may_start_process(char **argv) {
    static const char *const commands[] = {"create", "run", "exec", "restore"};
    for (; *argv != NULL; argv++) {
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
            if (strcmp(*argv, commands[i]) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

static int is_protected(char **envp) {
    for (; *envp != NULL; envp++) {
        if (strcmp(*envp, marker) == 0) {
            return 1;
        }
    }
    struct statvfs status;
    return statvfs("/proc/self/exe", &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

// Before all other constructors; glibc passes them what it passes to `main`. Where something fails, all goes on as if
// nothing had been tried.
__attribute__((constructor(101))) static void protect_own_file(int argc, char **argv, char **envp) {
    if (!may_start_process(argv + (argc > 0)) || is_protected(envp)) {
        return;
    }
    int mount = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mount < 0) {
        return;
    }
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    size_t count = 0;
    while (envp[count] != NULL) {
        count++;
    }
    char **environment = calloc(count + 2, sizeof *environment);
    if (environment != NULL && syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) {
        memcpy(environment, envp, count * sizeof *environment);
        environment[count] = marker;
        syscall(SYS_execveat, mount, "", argv, environment, AT_EMPTY_PATH);
    }
    free(environment);
    close(mount);
}
