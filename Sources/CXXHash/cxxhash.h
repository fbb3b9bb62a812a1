// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#ifndef SKIFF_CXXHASH_H
#define SKIFF_CXXHASH_H

#include <stdint.h>
#include <string.h>
#include <xxhash.h>

// Whether all of the bytes are zero; at least eight.
static inline int cx_is_zero(const void *bytes, size_t count) {
    uint64_t first;
    memcpy(&first, bytes, sizeof first);
    return first == 0 && memcmp(bytes, (const char *)bytes + sizeof first, count - sizeof first) == 0;
}

#endif
