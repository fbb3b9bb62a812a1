// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// System calls and constants that Swift's Glibc module hides (they need _GNU_SOURCE, are variadic, or have no wrapper).
// Every function returns the call's result, or -errno: errno never crosses into Swift.

#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "clinux_confine.h"
#include "clinux_constants.h"
#include "clinux_quota.h"
#include "clinux_schedule.h"
#include "clinux_spawn.h"

// Files.
int clx_open(int dirfd, const char *path, int flags, uint32_t mode);
int clx_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int clx_close(int fd);
ssize_t clx_read(int fd, void *buffer, size_t count);
ssize_t clx_write(int fd, const void *buffer, size_t count);
ssize_t clx_pread(int fd, void *buffer, size_t count, int64_t offset);
ssize_t clx_pwrite(int fd, const void *buffer, size_t count, int64_t offset);
int clx_ftruncate(int fd, int64_t length);
int clx_fallocate(int fd, int64_t offset, int64_t length);
ssize_t clx_lseek(int fd, int64_t offset, int whence);
int clx_mkdirat(int dirfd, const char *path, uint32_t mode);
int clx_mknodat(int dirfd, const char *path, uint32_t mode, uint32_t major, uint32_t minor);
int clx_symlinkat(const char *target, int dirfd, const char *path);
int clx_linkat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, int flags);
int clx_unlinkat(int dirfd, const char *path, int flags);
int clx_renameat2(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, uint32_t flags);
ssize_t clx_readlinkat(int dirfd, const char *path, char *buffer, size_t size);
int clx_fchmod(int fd, uint32_t mode);
int clx_fchmodat(int dirfd, const char *path, uint32_t mode);
int clx_fchownat(int dirfd, const char *path, uint32_t uid, uint32_t gid, int flags);
int clx_utimensat(int dirfd, const char *path, int64_t atime_sec, int64_t atime_nsec, int64_t mtime_sec,
                  int64_t mtime_nsec, int flags);
int clx_fsync(int fd);
int clx_fdatasync(int fd);
int clx_syncfs(int fd);
int clx_flock(int fd, int operation);
int clx_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags);
int clx_setxattr(const char *path, const char *name, const void *value, size_t size, int flags);
ssize_t clx_getxattr(const char *path, const char *name, void *value, size_t size);
int clx_lremovexattr(const char *path, const char *name);
int clx_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
ssize_t clx_lgetxattr(const char *path, const char *name, void *value, size_t size);
ssize_t clx_llistxattr(const char *path, char *list, size_t size);
// fchdir(2), chdir(2), getcwd(3) into the buffer.
int clx_fchdir(int fd);
int clx_chdir(const char *path);
int clx_getcwd(char *buffer, size_t size);
uint32_t clx_umask(uint32_t mask);
int clx_fcntl(int fd, int command, int64_t argument);
int clx_ioctl_int(int fd, uint64_t request, int64_t argument);
int clx_ioctl_ptr(int fd, uint64_t request, void *argument);
int clx_access(int dirfd, const char *path, int mode, int flags);
ssize_t clx_getdents64(int fd, void *buffer, size_t size);
int clx_memfd_create(const char *name, uint32_t flags);

// What stat(2) tells, in fixed widths; device numbers are split because the macros are invisible to Swift.
struct clx_stat {
    uint64_t dev, ino, size, blocks;
    uint32_t mode, nlink, uid, gid, rdev_major, rdev_minor;
    int64_t mtime_sec, mtime_nsec, ctime_sec, ctime_nsec;
};
int clx_fstatat(int dirfd, const char *path, struct clx_stat *out, int flags);

struct clx_filesystem {
    int64_t type;
    uint64_t block_size, blocks, blocks_free, blocks_available, files, files_free, flags;
};
int clx_statfs(const char *path, struct clx_filesystem *out);
int clx_fstatfs(int fd, struct clx_filesystem *out);

// Mounts.
int clx_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data);
int clx_umount2(const char *target, int flags);
int clx_pivot_root(const char *new_root, const char *put_old);
int clx_chroot(const char *path);
int clx_open_tree(int dirfd, const char *path, uint32_t flags);
int clx_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, uint32_t flags);
int clx_fsopen(const char *type, uint32_t flags);
int clx_fsconfig(int fd, uint32_t command, const char *key, const char *value, int aux);
int clx_fsmount(int fd, uint32_t flags, uint32_t attributes);
int clx_mount_setattr(int dirfd, const char *path, uint32_t flags, uint64_t set, uint64_t clear, uint64_t propagation,
                      int userns_fd);
int clx_attach_loop(int file, uint32_t *number);

// Processes and namespaces.
int clx_fork(void);
// Like fork, but the child is the sibling of the caller.
int clx_fork_sibling(void);
// clone3(2) without CLONE_VM: returns twice like fork. `pidfd` and `cgroup_fd` may be NULL and -1.
// Only for single-threaded programs: glibc's fork handlers do not run.
int clx_clone3(uint64_t flags, int *pidfd, int cgroup_fd, int exit_signal);
int clx_execve(const char *path, char *const argv[], char *const envp[]);
int clx_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);
void clx_exit_now(int status) __attribute__((noreturn));
int clx_unshare(int flags);
int clx_setns(int fd, int type);
int clx_pidfd_open(int pid, uint32_t flags);
int clx_pidfd_send_signal(int pidfd, int signo);
int clx_pidfd_getfd(int pidfd, int fd);
int clx_kill(int pid, int signo);
int clx_setsid(void);
int clx_setpgid(int pid, int pgid);
int clx_getpid(void);
int clx_getppid(void);
int clx_prctl(int option, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);
int clx_prctl_str(int option, const char *text);
int clx_sethostname(const char *name, size_t length);
int clx_setdomainname(const char *name, size_t length);
int clx_setgroups(size_t count, const uint32_t *gids);
int clx_getgroups(size_t count, uint32_t *gids);
int clx_setresuid(uint32_t ruid, uint32_t euid, uint32_t suid);
int clx_setresgid(uint32_t rgid, uint32_t egid, uint32_t sgid);
uint32_t clx_geteuid(void);
uint32_t clx_getegid(void);
int clx_prlimit(int pid, int resource, uint64_t soft, uint64_t hard);
int clx_getrlimit(int resource, uint64_t *soft, uint64_t *hard);
int clx_close_range(uint32_t first, uint32_t last, uint32_t flags);
int clx_personality(uint64_t persona);
int clx_keyctl_join(const char *name);
int clx_dup3(int fd, int target, int flags);
int clx_dup_cloexec(int fd);
int clx_pipe2(int fds[2], int flags);
// waitid(2): `idtype` is CLX_P_*; on success `pid` is 0 when WNOHANG found nothing.
struct clx_exit { int pid, code, status; };
int clx_waitid(int idtype, int id, struct clx_exit *out, int options);

// Signals: masks are 64-bit sets, bit N-1 for signal N.
int clx_sigprocmask(int how, uint64_t mask, uint64_t *old);
int clx_signalfd(uint64_t mask, int flags);
int clx_signal_default(int signo);
int clx_signal_ignore(int signo);

// Events.
int clx_epoll_create(void);
int clx_epoll_ctl(int epfd, int operation, int fd, uint32_t events, uint64_t data);
struct clx_event { uint32_t events; uint64_t data; };
int clx_epoll_wait(int epfd, struct clx_event *events, int maximum, int timeout_ms);
int clx_eventfd(uint32_t initial, int flags);
int clx_count_signal(int number, int eventfd);
int clx_timerfd_create(int clock, int flags);
int clx_timerfd_settime(int fd, int64_t after_ns);
int clx_poll(int fd, int16_t events, int timeout_ms, int16_t *revents);
int64_t clx_clock_ns(int clock);

// Sockets.
int clx_socket(int domain, int type, int protocol);
// Makes the socket in the network namespace of the descriptor, on a thread that ends with the call: the caller's own
// stays where it is, and so do all others.
int clx_socket_in_namespace(int namespace_fd, int domain, int type);
// IPv4 or IPv6 on loopback, by the socket's domain.
int clx_connect_loopback(int fd, int domain, uint16_t port);
// A literal address of either family; the socket is made for it.
int clx_listen_inet(const char *address, uint16_t port, int type, int backlog);
int clx_is_address(const char *text);
int clx_local_port(int fd);
int clx_socket_error(int fd);
int clx_shutdown_write(int fd);
// A later close resets the connection instead of ending it.
int clx_reset_on_close(int fd);
int clx_socketpair(int type, int fds[2]);
int clx_bind_unix(int fd, const char *path, size_t length);
int clx_connect_unix(int fd, const char *path, size_t length);
int clx_listen(int fd, int backlog);
int clx_accept(int fd, int flags);
int clx_peer_pid(int fd);
// One message with up to CLX_MAX_FDS descriptors. `clx_recv_fds` sets `*fd_count`; received descriptors are CLOEXEC.
#define CLX_MAX_FDS 16
ssize_t clx_send_fds(int fd, const void *bytes, size_t count, const int *fds, size_t fd_count, int flags);
ssize_t clx_recv_fds(int fd, void *bytes, size_t capacity, int *fds, size_t *fd_count, int *truncated, int flags);
// Sets IFF_UP on the interface in the caller's network namespace; netdevice(7).
int clx_interface_up(const char *name);

// 1 if a mount is at the path, 0 if not, -errno.
int clx_is_mount_root(const char *path);

// Memory: unmaps the program's code from this process, to be faulted in again where it runs; gives free heap back.
int clx_release_program_text(void);
void clx_trim_heap(void);
// Memory in a file: makes it so long, all holes, and maps it, and returns a number for it. It is used between `begin` and
// `end`, in one thread: its pages are given back to the file, to be read again where they are touched, all the time and at
// the end. It is lost, all zeros, when the file could not be read or written. To begin twice is to begin.
int clx_window_map(int fd, size_t size, void **address);
void clx_window_begin(int window);
int clx_window_end(int window);
int clx_window_is_lost(int window);
void clx_window_unmap(int window);

// Terminals: see pty(7).
int clx_pty_unlock(int ptmx);
int clx_pty_number(int ptmx, uint32_t *number);
int clx_pty_peer(int ptmx, int flags);
int clx_window_size(int fd, uint16_t rows, uint16_t columns);
int clx_get_window_size(int fd, uint16_t *rows, uint16_t *columns);
int clx_make_raw(int fd, int process_output, void *saved, size_t size);
int clx_hide_input(int fd, void *saved, size_t size);
int clx_restore_terminal_when_killed(int fd, const void *saved, size_t size);
int clx_restore_terminal(int fd, const void *saved, size_t size);
// Clears ONLCR so that the master yields bytes as the program wrote them.
int clx_clear_onlcr(int fd);
int clx_isatty(int fd);

// Whether the POSIX extended regular expression matches a part of the text: 1 or 0; -1 with what is wrong with it in `error`.
int clx_regex_match(const char *expression, const char *text, char *error, size_t size);

// Text of an error number; never NULL.
const char *clx_strerror(int number);
const char *clx_errno_name(int number);

#endif
