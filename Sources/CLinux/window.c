// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// Memory whose pages are a file's, and of which a process has few at a time: while it is used, the pages that were touched
// are given back to the file twice a millisecond, by a signal to the thread that uses it. However that comes to run, it
// has touched no more in between than it can in that time.
//
// A page that the file system cannot bring or keep any more raises SIGBUS in whoever touches it, see mmap(2): here the
// memory is replaced by zeros then, and the user finds out afterwards.

#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <linux/userfaultfd.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Linux 5.11 and 6.7; the headers may be older.
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

// As many as there may be at once. A place is taken and given up under the lock, and read by the handler without it: the
// start is set last and cleared first.
enum { window_limit = 256 };
static struct {
    _Atomic uintptr_t start;
    _Atomic size_t size;
    _Atomic int is_lost;
    int single;
    // Of the thread that uses it, in which the timer's signal is handled.
    timer_t timer;
    int is_in_use;
    volatile sig_atomic_t has_timer;
    sigset_t mask;
} windows[window_limit];

// Nanoseconds. Long enough that most blocks of an archive are done before.
enum { period = 500000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static int is_guarded;

static void replace(int number, siginfo_t *info, void *context) {
    uintptr_t address = (uintptr_t)info->si_addr;
    // A positive code is the kernel's, of a fault; others come from who sent the signal.
    for (int index = 0; index < window_limit && info->si_code > 0; index++) {
        uintptr_t start = atomic_load(&windows[index].start);
        size_t size = atomic_load(&windows[index].size);
        if (start == 0 || address < start || address - start >= size || atomic_load(&windows[index].start) != start)
            continue;
        int saved = errno;
        void *zeros = mmap((void *)start, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        atomic_store(&windows[index].is_lost, 1);
        errno = saved;
        if (zeros != MAP_FAILED)
            return;
    }
    // Somebody else's fault, or one that cannot be helped: it goes to whom it went before.
    if (before.sa_flags & SA_SIGINFO)
        before.sa_sigaction(number, info, context);
    else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
        before.sa_handler(number);
    else {
        signal(SIGBUS, SIG_DFL);
        // It is blocked until here is the end.
        raise(SIGBUS);
    }
}

// Where a page is read, the kernel maps the fifteen around it as well; not so in memory that is watched for writes, of which
// nothing is asked here. Returns what keeps it so, or -1 where the kernel cannot; see userfaultfd(2).
static int map_singly(uintptr_t start, size_t size) {
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    if (fd < 0)
        return -1;
    struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC};
    struct uffdio_register range = {.range = {.start = start, .len = size}, .mode = UFFDIO_REGISTER_MODE_WP};
    if (ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &range) == 0)
        return fd;
    close(fd);
    return -1;
}

static int release(int window) {
    uintptr_t start = atomic_load(&windows[window].start);
    // Of memory that was replaced the zeros would be gone, and new ones come.
    return madvise((void *)start, atomic_load(&windows[window].size), MADV_DONTNEED) < 0 ? -errno : 0;
}

// Once: a handler that takes long on a slow machine leaves its thread as much time as ever.
static int arm_timer(int window) {
    struct itimerspec once = {.it_value.tv_nsec = period};
    return timer_settime(windows[window].timer, 0, &once, NULL);
}

static void release_in_use(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    int saved = errno, window = info->si_value.sival_int;
    if (info->si_code == SI_TIMER && window >= 0 && window < window_limit && windows[window].has_timer) {
        (void)release(window);
        (void)arm_timer(window);
    }
    errno = saved;
}

static int guard(void) {
    if (is_guarded)
        return 0;
    struct sigaction action = {.sa_sigaction = replace, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, &action, &before) < 0)
        return -errno;
    struct sigaction regular = {.sa_sigaction = release_in_use, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&regular.sa_mask);
    if (sigaction(SIGRTMIN, &regular, NULL) < 0)
        return -errno;
    is_guarded = 1;
    return 0;
}

static int map(int fd, size_t size, void **address) {
    int result = guard();
    if (result < 0)
        return result;
    int place = 0;
    while (place < window_limit && atomic_load(&windows[place].start))
        place++;
    if (place == window_limit)
        return -EAGAIN;
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED)
        return -errno;
    // Neither pages of 2 MiB nor what might be read next: out of a window only little is wanted here and there.
    (void)madvise(start, size, MADV_NOHUGEPAGE);
    (void)madvise(start, size, MADV_RANDOM);
    windows[place].single = map_singly((uintptr_t)start, size);
    atomic_store(&windows[place].size, size);
    atomic_store(&windows[place].is_lost, 0);
    atomic_store(&windows[place].start, (uintptr_t)start);
    *address = start;
    return place;
}

int clx_window_map(int fd, size_t size, void **address) {
    if (ftruncate(fd, (off_t)size) < 0)
        return -errno;
    pthread_mutex_lock(&lock);
    int result = map(fd, size, address);
    pthread_mutex_unlock(&lock);
    return result;
}

static int make_timer(int window) {
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID,
        .sigev_signo = SIGRTMIN,
        .sigev_value.sival_int = window,
        ._sigev_un._tid = gettid(),
    };
    return timer_create(CLOCK_MONOTONIC, &event, &windows[window].timer);
}

void clx_window_begin(int window) {
    if (windows[window].is_in_use)
        return;
    windows[window].is_in_use = 1;
    // Threads of libdispatch block it.
    sigset_t regular;
    sigemptyset(&regular);
    sigaddset(&regular, SIGRTMIN);
    pthread_sigmask(SIG_UNBLOCK, &regular, &windows[window].mask);
    // Without a timer, for want of memory, the pages stay until the end.
    windows[window].has_timer = make_timer(window) == 0;
    if (windows[window].has_timer)
        (void)arm_timer(window);
}

static void stop_use(int window) {
    if (!windows[window].is_in_use)
        return;
    int had_timer = windows[window].has_timer;
    // First, for a signal that is on its way.
    windows[window].has_timer = 0;
    if (had_timer)
        (void)timer_delete(windows[window].timer);
    pthread_sigmask(SIG_SETMASK, &windows[window].mask, NULL);
    windows[window].is_in_use = 0;
}

int clx_window_end(int window) {
    stop_use(window);
    return release(window);
}

int clx_window_is_lost(int window) { return atomic_load(&windows[window].is_lost); }

void clx_window_unmap(int window) {
    stop_use(window);
    pthread_mutex_lock(&lock);
    uintptr_t start = atomic_load(&windows[window].start);
    // Whoever gets the addresses next must not be guarded; nobody touches them any more here.
    size_t size = atomic_load(&windows[window].size);
    atomic_store(&windows[window].start, 0);
    munmap((void *)start, size);
    if (windows[window].single >= 0)
        close(windows[window].single);
    pthread_mutex_unlock(&lock);
}
