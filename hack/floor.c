// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.
//
// floor ROOTFS [CGROUP...]: what no runtime can do without. Clones a process with the namespaces of the default container,
// gives it the default mounts, changes the root, executes /bin/true and waits for its end. No configuration is read,
// nothing is checked, limited, masked or kept. With directories of cgroups, one in each hierarchy, these are made, the
// process enters them in the fastest way there is, and they are removed. Compiled and run by bench-runtime.

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(long result, const char *what) {
    if (result < 0) {
        err(1, "%s", what);
    }
}

static char path[4096];

static int open_file(const char *directory, const char *name, int flags) {
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return open(path, flags | O_CLOEXEC);
}

// A new cpuset takes no process before it has what its parent has.
static void inherit(const char *cgroup, const char *name) {
    char value[4096];
    int from = open_file(dirname(strcpy(value, cgroup)), name, O_RDONLY), to = open_file(cgroup, name, O_WRONLY);
    if (from >= 0 && to >= 0) {
        check(write(to, value, (size_t)read(from, value, sizeof value)), path);
    }
    close(from);
    close(to);
}

// In v1 the file through which a thread moves itself; in v2 nothing, for the process is born in the directory.
static int make_cgroup(const char *cgroup, struct clone_args *args) {
    check(mkdir(cgroup, 0755), cgroup);
    inherit(cgroup, "cpuset.cpus");
    inherit(cgroup, "cpuset.mems");
    int tasks = open_file(cgroup, "tasks", O_WRONLY);
    if (tasks < 0) {
        args->flags |= CLONE_INTO_CGROUP;
        args->cgroup = (__u64)open(cgroup, O_PATH | O_CLOEXEC);
    }
    return tasks;
}

static void attach(const char *type, const char *target, unsigned long flags, const char *data) {
    mkdir(target, 0755);
    check(mount(type, target, type, flags, data), target);
}

static void become_container(const char *rootfs) {
    unsigned long strict = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "make / slave");
    check(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), "bind rootfs");
    check(chdir(rootfs), rootfs);
    attach("proc", "proc", 0, NULL);
    attach("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    attach("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
    attach("tmpfs", "dev/shm", strict, "mode=1777,size=65536k");
    attach("mqueue", "dev/mqueue", strict, NULL);
    attach("sysfs", "sys", strict | MS_RDONLY, NULL);
    attach("tmpfs", "sys/fs/cgroup", strict, "mode=755");
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "umount old root");
    check(chdir("/"), "/");
    execl("/bin/true", "true", (char *)NULL);
    err(1, "/bin/true");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        errx(2, "usage: floor ROOTFS [CGROUP...]");
    }
    struct clone_args args = {
        .flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP,
        .exit_signal = SIGCHLD,
    };
    int tasks[64];
    for (int i = 2; i < argc && i < 64; i++) {
        tasks[i] = make_cgroup(argv[i], &args);
    }
    long pid = syscall(SYS_clone3, &args, sizeof args);
    check(pid, "clone3");
    if (pid == 0) {
        for (int i = 2; i < argc && i < 64; i++) {
            if (tasks[i] >= 0) {
                check(write(tasks[i], "0", 1), argv[i]);
            }
        }
        become_container(argv[1]);
    }
    int status;
    check(waitpid((pid_t)pid, &status, 0), "waitpid");
    for (int i = 2; i < argc; i++) {
        check(rmdir(argv[i]), argv[i]);
    }
    return status == 0 ? 0 : 1;
}
