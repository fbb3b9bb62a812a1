// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#ifndef SKIFF_CCAPABILITY_H
#define SKIFF_CCAPABILITY_H

#include <linux/capability.h>

#endif
