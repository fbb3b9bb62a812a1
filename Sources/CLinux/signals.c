// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

// What a handler may touch: set before it is installed, and not changed afterwards.
static int counters[_NSIG];

static void count(int number) {
    int saved = errno;
    uint64_t one = 1;
    // A counter that is full tells the same.
    (void)!write(counters[number], &one, sizeof one);
    errno = saved;
}
int clx_count_signal(int number, int eventfd) {
    if (number < 1 || number >= _NSIG) {
        return -EINVAL;
    }
    counters[number] = eventfd;
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}
