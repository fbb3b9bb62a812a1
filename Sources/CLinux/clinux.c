// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

extern int umount2(const char *target, int flags);
extern int mount(const char *, const char *, const char *, unsigned long, const void *);

_Static_assert(O_DIRECTORY == 0200000 || O_DIRECTORY == 040000, "open flags");
_Static_assert(O_DIRECT == 0200000 || O_DIRECT == 040000, "open flags");

// Result of a call, or -errno. EINTR is retried where repeating is right.
#define RESULT(call) ({ __typeof__(call) result_ = (call); result_ < 0 ? -errno : result_; })
#define RETRY(call) ({ __typeof__(call) result_; do { result_ = (call); } while (result_ < 0 && errno == EINTR); result_ < 0 ? -errno : result_; })

int clx_open(int dirfd, const char *path, int flags, uint32_t mode) {
    return RETRY(openat(dirfd, path, flags | O_CLOEXEC, mode));
}

int clx_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
    // EAGAIN: a rename raced the resolution of "..", openat2(2); it asks to be tried again.
    for (int tries = 0; tries < 128; tries++) {
        long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return fd < 0 ? -errno : (int)fd;
        }
    }
    return -EAGAIN;
}

// close(2) never retries: Linux has released the number even when it reports EINTR.
int clx_close(int fd) { return RESULT(close(fd)); }
ssize_t clx_read(int fd, void *buffer, size_t count) { return RETRY(read(fd, buffer, count)); }
ssize_t clx_write(int fd, const void *buffer, size_t count) { return RETRY(write(fd, buffer, count)); }
ssize_t clx_pread(int fd, void *b, size_t n, int64_t offset) { return RETRY(pread(fd, b, n, offset)); }
ssize_t clx_pwrite(int fd, const void *b, size_t n, int64_t offset) { return RETRY(pwrite(fd, b, n, offset)); }
int clx_ftruncate(int fd, int64_t length) { return RETRY(ftruncate(fd, length)); }
int clx_fallocate(int fd, int64_t offset, int64_t length) { return RETRY(fallocate(fd, 0, offset, length)); }
ssize_t clx_lseek(int fd, int64_t offset, int whence) { return RETRY(lseek(fd, offset, whence)); }
int clx_mkdirat(int dirfd, const char *path, uint32_t mode) { return RESULT(mkdirat(dirfd, path, mode)); }
int clx_mknodat(int dirfd, const char *path, uint32_t mode, uint32_t major, uint32_t minor) {
    return RESULT(mknodat(dirfd, path, mode, makedev(major, minor)));
}
int clx_symlinkat(const char *target, int dirfd, const char *path) { return RESULT(symlinkat(target, dirfd, path)); }
int clx_linkat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, int flags) {
    return RESULT(linkat(old_dirfd, old_path, new_dirfd, new_path, flags));
}
int clx_unlinkat(int dirfd, const char *path, int flags) { return RESULT(unlinkat(dirfd, path, flags)); }
int clx_renameat2(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, uint32_t flags) {
    return (int)RESULT(syscall(SYS_renameat2, old_dirfd, old_path, new_dirfd, new_path, flags));
}
ssize_t clx_readlinkat(int dirfd, const char *path, char *buffer, size_t size) {
    return RESULT(readlinkat(dirfd, path, buffer, size));
}
int clx_fchmod(int fd, uint32_t mode) { return RESULT(fchmod(fd, mode)); }
int clx_fchmodat(int dirfd, const char *path, uint32_t mode) { return RESULT(fchmodat(dirfd, path, mode, 0)); }
int clx_fchownat(int dirfd, const char *path, uint32_t uid, uint32_t gid, int flags) {
    return RESULT(fchownat(dirfd, path, uid, gid, flags));
}
int clx_utimensat(int dirfd, const char *path, int64_t atime_sec, int64_t atime_nsec, int64_t mtime_sec,
                  int64_t mtime_nsec, int flags) {
    struct timespec times[2] = {{atime_sec, atime_nsec}, {mtime_sec, mtime_nsec}};
    // utimensat(2) takes AT_EMPTY_PATH since Linux 5.8, but not through a NULL path in glibc.
    return (int)RESULT(syscall(SYS_utimensat, dirfd, path, times, flags));
}
int clx_fsync(int fd) { return RETRY(fsync(fd)); }
int clx_fdatasync(int fd) { return RETRY(fdatasync(fd)); }
int clx_syncfs(int fd) { return RETRY(syncfs(fd)); }
int clx_flock(int fd, int operation) { return RETRY(flock(fd, operation)); }
int clx_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
    return RESULT(lsetxattr(path, name, value, size, flags));
}

int clx_setxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
    return RESULT(setxattr(path, name, value, size, flags));
}
ssize_t clx_getxattr(const char *path, const char *name, void *value, size_t size) {
    return RESULT(getxattr(path, name, value, size));
}
int clx_lremovexattr(const char *path, const char *name) { return RESULT(lremovexattr(path, name)); }
int clx_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
    return RESULT(fsetxattr(fd, name, value, size, flags));
}
ssize_t clx_lgetxattr(const char *path, const char *name, void *value, size_t size) {
    return RESULT(lgetxattr(path, name, value, size));
}
ssize_t clx_llistxattr(const char *path, char *list, size_t size) { return RESULT(llistxattr(path, list, size)); }
int clx_fchdir(int fd) { return RESULT(fchdir(fd)); }
int clx_chdir(const char *path) { return RESULT(chdir(path)); }
int clx_getcwd(char *buffer, size_t size) { return getcwd(buffer, size) == NULL ? -errno : 0; }
uint32_t clx_umask(uint32_t mask) { return umask(mask); }
int clx_fcntl(int fd, int command, int64_t argument) { return RETRY(fcntl(fd, command, argument)); }
int clx_ioctl_int(int fd, uint64_t request, int64_t argument) { return RETRY(ioctl(fd, request, argument)); }
int clx_ioctl_ptr(int fd, uint64_t request, void *argument) { return RETRY(ioctl(fd, request, argument)); }
int clx_access(int dirfd, const char *path, int mode, int flags) { return RESULT(faccessat(dirfd, path, mode, flags)); }
ssize_t clx_getdents64(int fd, void *buffer, size_t size) { return RESULT(syscall(SYS_getdents64, fd, buffer, size)); }
int clx_memfd_create(const char *name, uint32_t flags) { return RESULT(memfd_create(name, flags | MFD_CLOEXEC)); }

int clx_fstatat(int dirfd, const char *path, struct clx_stat *out, int flags) {
    struct stat s;
    if (fstatat(dirfd, path, &s, flags) < 0) {
        return -errno;
    }
    *out = (struct clx_stat){
        .dev = s.st_dev, .ino = s.st_ino, .size = (uint64_t)s.st_size, .blocks = (uint64_t)s.st_blocks,
        .mode = s.st_mode, .nlink = (uint32_t)s.st_nlink, .uid = s.st_uid, .gid = s.st_gid,
        .rdev_major = major(s.st_rdev), .rdev_minor = minor(s.st_rdev),
        .mtime_sec = s.st_mtim.tv_sec, .mtime_nsec = s.st_mtim.tv_nsec,
        .ctime_sec = s.st_ctim.tv_sec, .ctime_nsec = s.st_ctim.tv_nsec};
    return 0;
}

static void copy_statfs(const struct statfs *s, struct clx_filesystem *out) {
    *out = (struct clx_filesystem){
        .type = s->f_type, .block_size = (uint64_t)s->f_frsize, .blocks = s->f_blocks, .blocks_free = s->f_bfree,
        .blocks_available = s->f_bavail, .files = s->f_files, .files_free = s->f_ffree,
        .flags = (uint64_t)s->f_flags};
}
int clx_is_mount_root(const char *path) {
    struct statx status;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &status) < 0) {
        return -errno;
    }
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}
int clx_statfs(const char *path, struct clx_filesystem *out) {
    struct statfs s;
    if (statfs(path, &s) < 0) {
        return -errno;
    }
    copy_statfs(&s, out);
    return 0;
}
int clx_fstatfs(int fd, struct clx_filesystem *out) {
    struct statfs s;
    if (fstatfs(fd, &s) < 0) {
        return -errno;
    }
    copy_statfs(&s, out);
    return 0;
}

int clx_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data) {
    return RESULT(mount(source, target, type, flags, data));
}
int clx_umount2(const char *target, int flags) { return RESULT(umount2(target, flags)); }
int clx_pivot_root(const char *new_root, const char *put_old) {
    return (int)RESULT(syscall(SYS_pivot_root, new_root, put_old));
}
int clx_chroot(const char *path) { return RESULT(chroot(path)); }
int clx_open_tree(int dirfd, const char *path, uint32_t flags) {
    return (int)RESULT(syscall(SYS_open_tree, dirfd, path, flags | CLX_OPEN_TREE_CLOEXEC));
}
int clx_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, uint32_t flags) {
    return (int)RESULT(syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags));
}
int clx_fsopen(const char *type, uint32_t flags) { return (int)RESULT(syscall(SYS_fsopen, type, flags)); }
int clx_fsconfig(int fd, uint32_t command, const char *key, const char *value, int aux) {
    return (int)RESULT(syscall(SYS_fsconfig, fd, command, key, value, aux));
}
int clx_fsmount(int fd, uint32_t flags, uint32_t attributes) {
    return (int)RESULT(syscall(SYS_fsmount, fd, flags, attributes));
}
int clx_mount_setattr(int dirfd, const char *path, uint32_t flags, uint64_t set, uint64_t clear, uint64_t propagation,
                      int userns_fd) {
    struct mount_attr attr = {
        .attr_set = set, .attr_clr = clear, .propagation = propagation,
        .userns_fd = userns_fd < 0 ? 0 : (uint64_t)userns_fd};
    return (int)RESULT(syscall(SYS_mount_setattr, dirfd, path, flags, &attr, sizeof attr));
}

int clx_fork(void) { return RESULT(fork()); }
// clone(2), which filters of system calls allow where they refuse clone3(2), whose flags they cannot see.
int clx_fork_sibling(void) {
    return (int)RESULT(syscall(SYS_clone, (unsigned long)CLX_CLONE_PARENT, NULL, NULL, NULL, 0UL));
}
int clx_clone3(uint64_t flags, int *pidfd, int cgroup_fd, int exit_signal) {
    struct clone_args args = {.flags = flags, .exit_signal = (uint64_t)exit_signal};
    if (pidfd != NULL) {
        args.flags |= CLONE_PIDFD;
        args.pidfd = (uint64_t)(uintptr_t)pidfd;
    }
    if (cgroup_fd >= 0) {
        args.flags |= CLX_CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_fd;
    }
    return (int)RESULT(syscall(SYS_clone3, &args, sizeof args));
}
int clx_execve(const char *path, char *const argv[], char *const envp[]) { return RESULT(execve(path, argv, envp)); }
int clx_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags) {
    return (int)RESULT(syscall(SYS_execveat, dirfd, path, argv, envp, flags));
}
void clx_exit_now(int status) { _exit(status); }
int clx_unshare(int flags) { return RESULT(unshare(flags)); }
int clx_setns(int fd, int type) { return RESULT(setns(fd, type)); }
int clx_pidfd_open(int pid, uint32_t flags) { return (int)RESULT(syscall(SYS_pidfd_open, pid, flags)); }
int clx_pidfd_send_signal(int pidfd, int signo) {
    return (int)RESULT(syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0));
}
int clx_pidfd_getfd(int pidfd, int fd) { return (int)RESULT(syscall(SYS_pidfd_getfd, pidfd, fd, 0)); }
int clx_kill(int pid, int signo) { return RESULT(kill(pid, signo)); }
int clx_setsid(void) { return RESULT(setsid()); }
int clx_setpgid(int pid, int pgid) { return RESULT(setpgid(pid, pgid)); }
// The raw call: after clone3 glibc's idea of the caller is not to be trusted.
int clx_getpid(void) { return (int)syscall(SYS_getpid); }
int clx_getppid(void) { return getppid(); }
int clx_prctl(int option, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) {
    return RESULT(prctl(option, a2, a3, a4, a5));
}
int clx_prctl_str(int option, const char *text) { return RESULT(prctl(option, text, 0, 0, 0)); }
int clx_sethostname(const char *name, size_t length) { return RESULT(sethostname(name, length)); }
int clx_setdomainname(const char *name, size_t length) { return RESULT(setdomainname(name, length)); }
// The raw calls: glibc's wrappers signal all threads, which a process made by clone3 must not rely on.
int clx_setgroups(size_t count, const uint32_t *gids) { return (int)RESULT(syscall(SYS_setgroups, count, gids)); }
int clx_getgroups(size_t count, uint32_t *gids) { return (int)RESULT(syscall(SYS_getgroups, count, gids)); }
int clx_setresuid(uint32_t r, uint32_t e, uint32_t s) { return (int)RESULT(syscall(SYS_setresuid, r, e, s)); }
int clx_setresgid(uint32_t r, uint32_t e, uint32_t s) { return (int)RESULT(syscall(SYS_setresgid, r, e, s)); }
uint32_t clx_geteuid(void) { return geteuid(); }
uint32_t clx_getegid(void) { return getegid(); }
int clx_prlimit(int pid, int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return RESULT(prlimit(pid, (enum __rlimit_resource)resource, &limit, NULL));
}
int clx_getrlimit(int resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (prlimit(0, (enum __rlimit_resource)resource, NULL, &limit) < 0) {
        return -errno;
    }
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}
int clx_close_range(uint32_t first, uint32_t last, uint32_t flags) {
    return (int)RESULT(syscall(SYS_close_range, first, last, flags));
}
int clx_personality(uint64_t persona) { return (int)RESULT(syscall(SYS_personality, persona)); }
// KEYCTL_JOIN_SESSION_KEYRING, keyctl(2).
int clx_keyctl_join(const char *name) { return (int)RESULT(syscall(SYS_keyctl, 1, name, 0, 0, 0)); }
int clx_dup3(int fd, int target, int flags) { return RETRY(dup3(fd, target, flags)); }
int clx_dup_cloexec(int fd) { return RESULT(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }
int clx_pipe2(int fds[2], int flags) { return RESULT(pipe2(fds, flags)); }
int clx_waitid(int idtype, int id, struct clx_exit *out, int options) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int r = RETRY(waitid((idtype_t)idtype, (id_t)id, &info, options));
    *out = (struct clx_exit){.pid = info.si_pid, .code = info.si_code, .status = info.si_status};
    return r;
}

static sigset_t set_of(uint64_t mask) {
    sigset_t set;
    sigemptyset(&set);
    for (int signo = 1; signo <= 64; signo++) {
        if (mask & (1ULL << (signo - 1))) {
            sigaddset(&set, signo);
        }
    }
    return set;
}
int clx_sigprocmask(int how, uint64_t mask, uint64_t *old) {
    // The raw call: glibc would keep its own internal signals out of the set.
    uint64_t previous = 0;
    long r = syscall(SYS_rt_sigprocmask, how, &mask, &previous, sizeof mask);
    if (r < 0) {
        return -errno;
    }
    if (old != NULL) {
        *old = previous;
    }
    return 0;
}
int clx_signalfd(uint64_t mask, int flags) {
    sigset_t set = set_of(mask);
    return RESULT(signalfd(-1, &set, flags));
}
static int set_handler(int signo, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    return RESULT(sigaction(signo, &action, NULL));
}
int clx_signal_default(int signo) { return set_handler(signo, SIG_DFL); }
int clx_signal_ignore(int signo) { return set_handler(signo, SIG_IGN); }

int clx_epoll_create(void) { return RESULT(epoll_create1(EPOLL_CLOEXEC)); }
int clx_epoll_ctl(int epfd, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return RESULT(epoll_ctl(epfd, operation, fd, &event));
}
int clx_epoll_wait(int epfd, struct clx_event *events, int maximum, int timeout_ms) {
    struct epoll_event got[64];
    int count = RESULT(epoll_wait(epfd, got, maximum > 64 ? 64 : maximum, timeout_ms));
    for (int i = 0; i < count; i++) {
        events[i] = (struct clx_event){.events = got[i].events, .data = got[i].data.u64};
    }
    return count;
}
int clx_eventfd(uint32_t initial, int flags) { return RESULT(eventfd(initial, flags)); }
int clx_timerfd_create(int clock, int flags) { return RESULT(timerfd_create(clock, flags)); }
int clx_timerfd_settime(int fd, int64_t after_ns) {
    struct itimerspec spec = {.it_value = {after_ns / 1000000000, after_ns % 1000000000}};
    return RESULT(timerfd_settime(fd, 0, &spec, NULL));
}
int clx_poll(int fd, int16_t events, int timeout_ms, int16_t *revents) {
    struct pollfd p = {.fd = fd, .events = events};
    int r = RESULT(poll(&p, 1, timeout_ms));
    *revents = p.revents;
    return r;
}
int64_t clx_clock_ns(int clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

const char *clx_strerror(int number) {
    const char *text = strerrordesc_np(number);
    return text != NULL ? text : "Unknown error";
}
const char *clx_errno_name(int number) {
    const char *name = strerrorname_np(number);
    return name != NULL ? name : "E?";
}
