// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The first and usual half of skiffrun's protection of its own file; SelfProtection.swift tells what from, checks that
// it has worked, and has the other half. This one comes before the C library and the Swift runtime have started, which
// would both start twice otherwise. Linked into skiffrun alone.
//
// So nothing of the C library may be called here, not even by the compiler for a loop: the program's own relocations,
// thread pointer and stack protector are not there yet.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BEFORE_LIBC __attribute__((no_builtin, no_stack_protector))

// The kernel's ST_RDONLY of f_flags, see statfs(2).
static const long read_only = 1;

static char marker[] = "_SKIFFRUN_PROTECTED=1";

// Returns -errno. The corresponding system call is `syscall(2)`.
BEFORE_LIBC static long call(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x8 __asm__("x8") = number;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8) : "memory", "cc");
    return x0;
#endif
}

BEFORE_LIBC static int is_equal(const char *a, const char *b) {
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

// Any word may be the command's. One that only looks like it costs an execution and does no harm.
BEFORE_LIBC static int may_start_process(char **argv) {
    for (; *argv != NULL; argv++) {
        if (is_equal(*argv, "create") || is_equal(*argv, "run") || is_equal(*argv, "exec") ||
            is_equal(*argv, "restore")) {
            return 1;
        }
    }
    return 0;
}

BEFORE_LIBC static int is_protected(char **envp) {
    for (; *envp != NULL; envp++) {
        if (is_equal(*envp, marker)) {
            return 1;
        }
    }
    struct statfs status;
    return call(SYS_statfs, (long)"/proc/self/exe", (long)&status, 0, 0, 0) == 0 && (status.f_flags & read_only) != 0;
}

// Where something fails, all goes on as if nothing had been tried.
BEFORE_LIBC static void execute_protected(char **argv, char **envp) {
    long mount = call(SYS_open_tree, AT_FDCWD, (long)"/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0);
    if (mount < 0) {
        return;
    }
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    if (call(SYS_mount_setattr, mount, (long)"", AT_EMPTY_PATH, (long)&attributes, sizeof attributes) == 0) {
        size_t count = 0;
        while (envp[count] != NULL) {
            count++;
        }
        // The kernel lets arguments and environment take a quarter of the stack at most: there is room for a copy.
        char *environment[count + 2];
        for (size_t i = 0; i < count; i++) {
            environment[i] = envp[i];
        }
        environment[count] = marker;
        environment[count + 1] = NULL;
        call(SYS_execveat, mount, (long)"", (long)argv, (long)environment, AT_EMPTY_PATH);
    }
    call(SYS_close, mount, 0, 0, 0, 0);
}

// Nearly every page of these is going to be written to, most of them after a read that maps the page of zeroes first: one
// call instead of a hundred and fifty faults. An older kernel refuses.
BEFORE_LIBC static void populate(char *stack) {
    extern char __bss_start[], _end[];
    size_t page = 4096, depth = 20 * page;
    size_t first = ((size_t)__bss_start + page - 1) & ~(page - 1), last = (size_t)_end & ~(page - 1);
    call(SYS_madvise, (long)first, (long)(last - first), MADV_POPULATE_WRITE, 0, 0);
    call(SYS_madvise, (long)(((size_t)stack & ~(page - 1)) - depth), (long)depth, MADV_POPULATE_WRITE, 0, 0);
}

// What the kernel leaves on the stack: the number of arguments, these, NULL, the environment, NULL.
__attribute__((used)) BEFORE_LIBC static void before_libc(char **stack) {
    char **argv = stack + 1, **envp = argv + (size_t)stack[0] + 1;
    if (stack[0] == NULL || !may_start_process(argv + 1)) {
        return;
    }
    if (is_protected(envp)) {
        populate((char *)stack);
    } else {
        execute_protected(argv, envp);
    }
}

// Where the kernel enters the program, see Package.swift. The C library's own entry finds all as the kernel left it.
__attribute__((naked, noreturn, used)) void skiffrun_entry(void) {
#if defined(__x86_64__)
    __asm__("mov %rsp, %rdi\n"
            "call before_libc\n"
            "xor %edx, %edx\n"
            "jmp _start\n");
#elif defined(__aarch64__)
    __asm__("mov x0, sp\n"
            "bl before_libc\n"
            "mov x0, #0\n"
            "b _start\n");
#endif
}
