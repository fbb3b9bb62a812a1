// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#ifndef SKIFF_CSECCOMP_H
#define SKIFF_CSECCOMP_H

#include <seccomp.h>

#endif
