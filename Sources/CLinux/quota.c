// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#define _GNU_SOURCE
#include "clinux_quota.h"

#include <errno.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int quota(int fd, int command, uint32_t project, void *data) {
    return syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), project, data) < 0 ? -errno : 0;
}

int clx_project_limits_enforced(int fd) {
    struct fs_quota_stat state;
    memset(&state, 0, sizeof state);
    // The call is older than quotas of other file systems than XFS, which answer it too.
    int result = quota(fd, Q_XGETQSTAT, 0, &state);
    return result < 0 ? result : (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
}

int clx_set_project(int fd, uint32_t project) {
    struct fsxattr attributes;
    if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) < 0) {
        return -errno;
    }
    attributes.fsx_projid = project;
    attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    return ioctl(fd, FS_IOC_FSSETXATTR, &attributes) < 0 ? -errno : 0;
}

int clx_set_project_limit(int fd, uint32_t project, uint64_t bytes) {
    struct if_dqblk limits;
    memset(&limits, 0, sizeof limits);
    // In blocks of QIF_DQBLKSIZE; a part of one counts.
    limits.dqb_bhardlimit = (bytes >> QIF_DQBLKSIZE_BITS) + (bytes % QIF_DQBLKSIZE != 0);
    limits.dqb_bsoftlimit = limits.dqb_bhardlimit;
    limits.dqb_valid = QIF_BLIMITS;
    return quota(fd, Q_SETQUOTA, project, &limits);
}
