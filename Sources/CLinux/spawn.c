// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Everything below runs in the child, between clone and exec, where another thread of the parent may hold any lock:
// only async-signal-safe calls, and the only way out is _exit.
static void reset_signals(void) {
    // The raw call: glibc refuses its own signals 32 and 33, which a parent may have handed on ignored. All zero is
    // struct sigaction of the kernel with SIG_DFL; SIGKILL and SIGSTOP answer EINVAL, which is as good.
    static const uint64_t default_action[4];
    for (int signo = 1; signo <= 64; signo++) {
        syscall(SYS_rt_sigaction, signo, default_action, NULL, sizeof(uint64_t));
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int place_descriptors(const struct clx_spawn_plan *plan, int *error_pipe) {
    int count = (int)plan->fd_count;
    // First lift every source above the targets, so that placing one never overwrites another.
    int lifted_pipe = fcntl(*error_pipe, F_DUPFD_CLOEXEC, count);
    if (lifted_pipe < 0) {
        return errno;
    }
    *error_pipe = lifted_pipe;
    int lifted[64];
    for (int i = 0; i < count; i++) {
        lifted[i] = plan->fds[i] < 0 ? -1 : fcntl(plan->fds[i], F_DUPFD_CLOEXEC, count);
        if (plan->fds[i] >= 0 && lifted[i] < 0) {
            return errno;
        }
    }
    for (int i = 0; i < count; i++) {
        if (lifted[i] < 0) {
            close(i);
        } else if (dup2(lifted[i], i) < 0) {
            return errno;
        }
    }
    if (syscall(SYS_close_range, (unsigned)count, ~0U, CLX_CLOSE_RANGE_CLOEXEC) < 0) {
        return errno;
    }
    return 0;
}

static int become(const struct clx_spawn_plan *plan, int *error_pipe) {
    reset_signals();
    if (plan->parent_death_signal != 0 && prctl(PR_SET_PDEATHSIG, plan->parent_death_signal) < 0) {
        return errno;
    }
    if (plan->new_session && setsid() < 0) {
        return errno;
    }
    if (plan->new_group && setpgid(0, 0) < 0) {
        return errno;
    }
    int failed = place_descriptors(plan, error_pipe);
    if (failed != 0) {
        return failed;
    }
    if (plan->cwd != NULL && chdir(plan->cwd) < 0) {
        return errno;
    }
    execve(plan->path, plan->argv, plan->envp);
    return errno;
}

int clx_spawn(const struct clx_spawn_plan *plan, int *pidfd) {
    int pipe_fds[2];
    if (plan->fd_count > 64) {
        return -E2BIG;
    }
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        return -errno;
    }
    // No handler of the parent may run in the child before its dispositions are reset.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);

    int child_pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&child_pidfd, .exit_signal = SIGCHLD};
    long pid = -1;
    if (plan->cgroup >= 0) {
        struct clone_args in_cgroup = args;
        in_cgroup.flags |= CLX_CLONE_INTO_CGROUP;
        in_cgroup.cgroup = (uint64_t)plan->cgroup;
        pid = syscall(SYS_clone3, &in_cgroup, sizeof in_cgroup);
    }
    if (pid < 0) {
        pid = syscall(SYS_clone3, &args, sizeof args);
    }
    if (pid == 0) {
        int failed = become(plan, &pipe_fds[1]);
        ssize_t ignored = write(pipe_fds[1], &failed, sizeof failed);
        (void)ignored;
        _exit(127);
    }
    int failed = pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    close(pipe_fds[1]);
    if (failed == 0) {
        ssize_t got;
        do {
            got = read(pipe_fds[0], &failed, sizeof failed);
        } while (got < 0 && errno == EINTR);
        if (got != sizeof failed) {
            failed = 0;
        } else {
            // The child is gone or about to be; nobody else knows its pid, so it is reaped here.
            siginfo_t info;
            while (waitid((idtype_t)CLX_P_PIDFD, (id_t)child_pidfd, &info, WEXITED) < 0 && errno == EINTR) {
            }
            close(child_pidfd);
        }
    }
    close(pipe_fds[0]);
    if (failed != 0) {
        return -failed;
    }
    *pidfd = child_pidfd;
    return (int)pid;
}
