// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// zlib, whose macros for starting a stream Swift cannot call.

#ifndef SKIFF_CZLIB_H
#define SKIFF_CZLIB_H

#include <zlib.h>

static inline int czlib_inflate_start(z_stream *stream) { return inflateInit(stream); }

// A window of 2 KiB and the least memory: header blocks are small, and there is one such stream for each connection.
static inline int czlib_deflate_start(z_stream *stream) {
    return deflateInit2(stream, Z_BEST_COMPRESSION, Z_DEFLATED, 11, 1, Z_DEFAULT_STRATEGY);
}

#endif
