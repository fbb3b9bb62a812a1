// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RESULT(call) ({ __typeof__(call) result_ = (call); result_ < 0 ? -errno : result_; })
#define RETRY(call) ({ __typeof__(call) result_; do { result_ = (call); } while (result_ < 0 && errno == EINTR); result_ < 0 ? -errno : result_; })

int clx_socket(int domain, int type, int protocol) { return RESULT(socket(domain, type | SOCK_CLOEXEC, protocol)); }
int clx_socketpair(int type, int fds[2]) { return RESULT(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds)); }

static int address_of(const char *path, size_t length, struct sockaddr_un *address, socklen_t *size) {
    if (length >= sizeof address->sun_path) {
        return -ENAMETOOLONG;
    }
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    // The name of an abstract socket, behind a zero byte, has no end but its length.
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (length > 0 && path[0] == 0 ? 0 : 1));
    return 0;
}
int clx_bind_unix(int fd, const char *path, size_t length) {
    struct sockaddr_un address;
    socklen_t size;
    int r = address_of(path, length, &address, &size);
    return r < 0 ? r : RESULT(bind(fd, (struct sockaddr *)&address, size));
}
int clx_connect_unix(int fd, const char *path, size_t length) {
    struct sockaddr_un address;
    socklen_t size;
    int r = address_of(path, length, &address, &size);
    return r < 0 ? r : RETRY(connect(fd, (struct sockaddr *)&address, size));
}
int clx_listen(int fd, int backlog) { return RESULT(listen(fd, backlog)); }
int clx_accept(int fd, int flags) { return RETRY(accept4(fd, NULL, NULL, flags | SOCK_CLOEXEC)); }
int clx_peer_pid(int fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return -errno;
    }
    return peer.pid;
}

ssize_t clx_send_fds(int fd, const void *bytes, size_t count, const int *fds, size_t fd_count, int flags) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CLX_MAX_FDS)];
        struct cmsghdr align;
    } control;
    if (fd_count > CLX_MAX_FDS) {
        return -E2BIG;
    }
    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    return RETRY(sendmsg(fd, &message, flags | MSG_NOSIGNAL));
}

ssize_t clx_recv_fds(int fd, void *bytes, size_t capacity, int *fds, size_t *fd_count, int *truncated, int flags) {
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CLX_MAX_FDS)];
        struct cmsghdr align;
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *fd_count = 0;
    ssize_t got = RETRY(recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC));
    if (got < 0) {
        return got;
    }
    *truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h != NULL; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count && *fd_count < CLX_MAX_FDS; i++) {
            memcpy(&fds[(*fd_count)++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
        }
    }
    return got;
}

int clx_interface_up(const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    if (strlen(name) >= sizeof request.ifr_name) {
        return -ENAMETOOLONG;
    }
    strcpy(request.ifr_name, name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int r = RESULT(ioctl(fd, SIOCGIFFLAGS, &request));
    if (r >= 0) {
        request.ifr_flags |= IFF_UP;
        r = RESULT(ioctl(fd, SIOCSIFFLAGS, &request));
    }
    close(fd);
    return r;
}
