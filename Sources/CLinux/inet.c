// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define RESULT(call) ({ __typeof__(call) result_ = (call); result_ < 0 ? -errno : result_; })

struct socket_request {
    int namespace_fd;
    int domain;
    int type;
    int result;
};

static void *make_socket(void *argument) {
    struct socket_request *request = argument;
    request->result = RESULT(setns(request->namespace_fd, CLONE_NEWNET));
    if (request->result == 0) {
        request->result = RESULT(socket(request->domain, request->type | SOCK_CLOEXEC, 0));
    }
    return NULL;
}

int clx_socket_in_namespace(int namespace_fd, int domain, int type) {
    struct socket_request request = {namespace_fd, domain, type, -EAGAIN};
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    // A signal for the process is none of its business.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 262144);
    int error = pthread_create(&thread, &attributes, make_socket, &request);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        return -error;
    }
    pthread_join(thread, NULL);
    return request.result;
}

union inet_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

int clx_connect_loopback(int fd, int domain, uint16_t port) {
    union inet_address address;
    int on = 1;
    memset(&address, 0, sizeof address);
    address.any.sa_family = (sa_family_t)domain;
    if (domain == AF_INET) {
        address.v4.sin_port = htons(port);
        address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        address.v6.sin6_port = htons(port);
        address.v6.sin6_addr = in6addr_loopback;
    }
    // What is carried here was cut into packets before.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return RESULT(connect(fd, &address.any, domain == AF_INET ? sizeof address.v4 : sizeof address.v6));
}

int clx_is_address(const char *text) {
    struct in6_addr any;
    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

int clx_listen_inet(const char *text, uint16_t port, int type, int backlog) {
    union inet_address address;
    int on = 1, fd, result;
    memset(&address, 0, sizeof address);
    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
    } else {
        return -EINVAL;
    }
    fd = RESULT(socket(address.any.sa_family, type | SOCK_CLOEXEC, 0));
    if (fd < 0) {
        return fd;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // For the connections, which inherit it: what is carried over them was cut into packets before.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (address.any.sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    result = RESULT(bind(fd, &address.any, address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6));
    if (result == 0) {
        result = RESULT(listen(fd, backlog));
    }
    if (result < 0) {
        clx_close(fd);
        return result;
    }
    return fd;
}

int clx_local_port(int fd) {
    union inet_address address;
    socklen_t size = sizeof address;
    if (getsockname(fd, &address.any, &size) < 0) {
        return -errno;
    }
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

int clx_socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

int clx_shutdown_write(int fd) { return RESULT(shutdown(fd, SHUT_WR)); }

int clx_reset_on_close(int fd) {
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    return RESULT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none));
}
