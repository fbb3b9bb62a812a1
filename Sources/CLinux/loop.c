// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Attaches the file to a free loop device that can only be read and detaches itself when nobody uses it any more. Returns
// a descriptor of the device and sets its number.
int clx_attach_loop(int file, uint32_t *number) {
    struct loop_config config;
    char path[32];
    int device, free_number, attempt, error = EBUSY;
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) {
        return -errno;
    }
    // Between the two calls another process may take the device.
    for (attempt = 0; attempt < 64 && error == EBUSY; attempt++) {
        free_number = ioctl(control, LOOP_CTL_GET_FREE);
        if (free_number < 0) {
            error = errno;
            break;
        }
        snprintf(path, sizeof path, "/dev/loop%d", free_number);
        device = open(path, O_RDONLY | O_CLOEXEC);
        if (device < 0) {
            error = errno;
            break;
        }
        memset(&config, 0, sizeof config);
        config.fd = (uint32_t)file;
        config.block_size = 4096;
        config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
        if (ioctl(device, LOOP_CONFIGURE, &config) == 0) {
            close(control);
            *number = (uint32_t)free_number;
            return device;
        }
        error = errno;
        close(device);
    }
    close(control);
    return -error;
}
