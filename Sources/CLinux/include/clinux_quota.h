// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// Quotas of projects, see quotactl_fd(2) and ioctl_xfs_fsgetxattr(2). A descriptor stands for its file system.

#ifndef CLINUX_QUOTA_H
#define CLINUX_QUOTA_H

#include <stdint.h>

// 1 where limits of projects are enforced, 0 where they are only counted.
int clx_project_limits_enforced(int fd);
// Gives an open directory, and what is made below from now on, to a project.
int clx_set_project(int fd, uint32_t project);
// How much a project may hold; 0 for no limit.
int clx_set_project_limit(int fd, uint32_t project, uint64_t bytes);

#endif
