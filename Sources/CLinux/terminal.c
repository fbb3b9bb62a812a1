// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define RESULT(call) ({ __typeof__(call) result_ = (call); result_ < 0 ? -errno : result_; })

int clx_pty_unlock(int ptmx) {
    int unlocked = 0;
    return RESULT(ioctl(ptmx, TIOCSPTLCK, &unlocked));
}
int clx_pty_number(int ptmx, uint32_t *number) { return RESULT(ioctl(ptmx, TIOCGPTN, number)); }
int clx_pty_peer(int ptmx, int flags) { return RESULT(ioctl(ptmx, TIOCGPTPEER, flags)); }
int clx_window_size(int fd, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return RESULT(ioctl(fd, TIOCSWINSZ, &size));
}
int clx_get_window_size(int fd, uint16_t *rows, uint16_t *columns) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) {
        return -errno;
    }
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}
/* Reads the modes, and saves them for later. */
static int save_modes(int fd, struct termios *now, void *saved, size_t size) {
    if (size < sizeof *now) {
        return -EINVAL;
    }
    if (tcgetattr(fd, now) < 0) {
        return -errno;
    }
    memcpy(saved, now, sizeof *now);
    return 0;
}
int clx_make_raw(int fd, int process_output, void *saved, size_t size) {
    struct termios now;
    int result = save_modes(fd, &now, saved, size);
    if (result < 0) {
        return result;
    }
    cfmakeraw(&now);
    if (process_output) {
        now.c_oflag |= OPOST;
    }
    return RESULT(tcsetattr(fd, TCSANOW, &now));
}
int clx_hide_input(int fd, void *saved, size_t size) {
    struct termios now;
    int result = save_modes(fd, &now, saved, size);
    if (result < 0) {
        return result;
    }
    now.c_lflag &= ~(tcflag_t)ECHO;
    return RESULT(tcsetattr(fd, TCSAFLUSH, &now));
}
int clx_restore_terminal(int fd, const void *saved, size_t size) {
    struct termios then;
    if (size < sizeof then) {
        return -EINVAL;
    }
    memcpy(&then, saved, sizeof then);
    return RESULT(tcsetattr(fd, TCSANOW, &then));
}
// What a handler may touch: set before it is installed, and not changed afterwards.
static struct termios killed_settings;
static int killed_fd = -1;

// All signals are blocked here, so that setting a terminal from the background stops nobody. The signal that is raised comes
// when this returns, and does what it would have done without a handler.
static void restore_when_killed(int number) {
    tcsetattr(killed_fd, TCSANOW, &killed_settings);
    raise(number);
}
int clx_restore_terminal_when_killed(int fd, const void *saved, size_t size) {
    static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction action = {.sa_handler = restore_when_killed, .sa_flags = SA_RESETHAND};
    if (size < sizeof killed_settings) {
        return -EINVAL;
    }
    memcpy(&killed_settings, saved, sizeof killed_settings);
    killed_fd = fd;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) {
        struct sigaction before;
        if (sigaction(deadly[i], NULL, &before) < 0) {
            return -errno;
        }
        // What is ignored kills nobody: nohup(1).
        if (before.sa_handler != SIG_IGN && sigaction(deadly[i], &action, NULL) < 0) {
            return -errno;
        }
    }
    return 0;
}
int clx_clear_onlcr(int fd) {
    struct termios now;
    if (tcgetattr(fd, &now) < 0) {
        return -errno;
    }
    now.c_oflag &= ~(tcflag_t)ONLCR;
    return RESULT(tcsetattr(fd, TCSANOW, &now));
}
int clx_isatty(int fd) { return isatty(fd); }
