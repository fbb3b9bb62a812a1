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

#define MAX_FDS 64

// Everything below runs in the child, between clone and exec, in the memory of the parent, whose other threads go on and
// may hold any lock: only async-signal-safe calls, and the only way out is _exit.
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

static int place_descriptors(const struct clx_spawn_plan *plan) {
    int count = (int)plan->fd_count;
    // First lift every source above the targets, so that placing one never overwrites another.
    int lifted[MAX_FDS];
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

static int become(const struct clx_spawn_plan *plan) {
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
    int failed = place_descriptors(plan);
    if (failed != 0) {
        return failed;
    }
    if (plan->cwd != NULL && chdir(plan->cwd) < 0) {
        return errno;
    }
    execve(plan->path, plan->argv, plan->envp);
    return errno;
}

struct birth {
    const struct clx_spawn_plan *plan;
    int failed; // the errno of the step that failed, for the parent to read
};

static void live(struct birth *birth) {
    birth->failed = become(birth->plan);
    _exit(127);
}

// clone3(2), where the child runs the body on a stack of its own. It must not return through the frames of the parent, so
// no C function can make the call: glibc has none for flags that only clone3 knows.
static long clone_running(struct clone_args *args, void (*body)(struct birth *), struct birth *birth) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile(
        "syscall\n\t"
        "testq %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "movq %[birth], %%rdi\n\t"
        "callq *%[body]\n\t"
        "hlt\n"
        "1:"
        : "=a"(result)
        : "0"((long)SYS_clone3), "D"(args), "S"(sizeof *args), [body] "r"(body), [birth] "r"(birth)
        : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long result __asm__("x0") = (long)args;
    register long size __asm__("x1") = sizeof *args;
    register long number __asm__("x8") = SYS_clone3;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x0, %[birth]\n\t"
        "blr %[body]\n\t"
        "brk #0\n"
        "1:"
        : "+r"(result)
        : "r"(size), "r"(number), [body] "r"(body), [birth] "r"(birth)
        : "x30", "memory");
    return result;
#else
#error "clone_running is written for x86-64 and arm64"
#endif
}

int clx_spawn(const struct clx_spawn_plan *plan, int *pidfd) {
    if (plan->fd_count > MAX_FDS) {
        return -E2BIG;
    }
    // No handler of the parent may run in the child before its dispositions are reset.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);

    // The child has the memory of the parent until it executes, and this thread waits that long: to copy the tables of a
    // large program's memory, and then each page that either of them writes, takes longer than all the rest.
    _Alignas(16) char stack[16 << 10];
    struct birth birth = {.plan = plan};
    int child_pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_PIDFD | CLONE_VM | CLONE_VFORK,
        .pidfd = (uint64_t)(uintptr_t)&child_pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = sizeof stack};
    long pid = -1;
    if (plan->cgroup >= 0) {
        struct clone_args in_cgroup = args;
        in_cgroup.flags |= CLX_CLONE_INTO_CGROUP;
        in_cgroup.cgroup = (uint64_t)plan->cgroup;
        pid = clone_running(&in_cgroup, live, &birth);
    }
    if (pid < 0) {
        pid = clone_running(&args, live, &birth);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pid < 0) {
        return (int)pid;
    }
    if (birth.failed != 0) {
        // The child has ended; nobody else knows its pid, so it is reaped here.
        siginfo_t info;
        while (waitid((idtype_t)CLX_P_PIDFD, (id_t)child_pidfd, &info, WEXITED) < 0 && errno == EINTR) {
        }
        close(child_pidfd);
        return -birth.failed;
    }
    *pidfd = child_pidfd;
    return (int)pid;
}
