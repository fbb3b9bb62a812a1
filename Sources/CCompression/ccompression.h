// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// Inflate of gzip behind an opaque state: ISA-L's, whose structure holds arrays that are too large for Swift to import, or
// zlib's where there is no ISA-L, or where SKIFF_ZLIB is defined.

#ifndef SKIFF_CCOMPRESSION_H
#define SKIFF_CCOMPRESSION_H

#include <stdint.h>
#include <stdlib.h>
// For memory of one's own: part of the shared library, and not of its promises, since 0.8.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

// What `cz_inflate` returns when the content is not what the checksum says.
static const int cz_wrong_checksum = -1000;

#if __has_include(<isa-l/igzip_lib.h>) && !defined(SKIFF_ZLIB)
#include <isa-l/igzip_lib.h>

struct cz_inflater {
    struct inflate_state state;
};

static inline void *cz_inflate_new(void) {
    struct cz_inflater *inflater = malloc(sizeof *inflater);
    if (!inflater)
        return NULL;
    isal_inflate_init(&inflater->state);
    inflater->state.crc_flag = ISAL_GZIP;
    return inflater;
}

static inline void cz_inflate_free(void *inflater) { free(inflater); }

// Starts the next gzip member; what is left of the input stays.
static inline void cz_inflate_restart(void *inflater) {
    struct inflate_state *state = &((struct cz_inflater *)inflater)->state;
    isal_inflate_reset(state);
    state->crc_flag = ISAL_GZIP;
}

// Decompresses until the input is used up, the output is full or the member ends. Moves `*input` and `*input_size`,
// sets `*produced` and `*finished`. Returns 0, `cz_wrong_checksum`, or another negative number for damage.
static inline int cz_inflate(void *inflater, const uint8_t **input, size_t *input_size, uint8_t *output,
                             size_t output_size, size_t *produced, int *finished) {
    struct inflate_state *state = &((struct cz_inflater *)inflater)->state;
    int result;
    state->next_in = (uint8_t *)*input;
    state->avail_in = (uint32_t)*input_size;
    state->next_out = output;
    state->avail_out = (uint32_t)output_size;
    result = isal_inflate(state);
    *input = state->next_in;
    *input_size = state->avail_in;
    *produced = output_size - state->avail_out;
    *finished = state->block_state == ISAL_BLOCK_FINISH;
    if (result == ISAL_INCORRECT_CHECKSUM)
        return cz_wrong_checksum;
    return result < 0 ? result : 0;
}

#else
#include <string.h>
#include <zlib.h>

static inline void *cz_inflate_new(void) {
    z_stream *stream = calloc(1, sizeof *stream);
    // 16 more than the largest window: gzip with its header and checksum, and nothing else.
    if (stream && inflateInit2(stream, MAX_WBITS + 16) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

static inline void cz_inflate_free(void *inflater) {
    inflateEnd(inflater);
    free(inflater);
}

static inline void cz_inflate_restart(void *inflater) { inflateReset(inflater); }

static inline int cz_inflate(void *inflater, const uint8_t **input, size_t *input_size, uint8_t *output,
                             size_t output_size, size_t *produced, int *finished) {
    z_stream *stream = inflater;
    int result;
    stream->next_in = (uint8_t *)*input;
    stream->avail_in = (uInt)*input_size;
    stream->next_out = output;
    stream->avail_out = (uInt)output_size;
    result = inflate(stream, Z_NO_FLUSH);
    *input = stream->next_in;
    *input_size = stream->avail_in;
    *produced = output_size - stream->avail_out;
    *finished = result == Z_STREAM_END;
    // Only its text tells a checksum or a length that differs from other damage.
    if (result == Z_DATA_ERROR && stream->msg && strstr(stream->msg, "check"))
        return strstr(stream->msg, "header") ? -1 : cz_wrong_checksum;
    // That nothing could be done, for want of input or room, is no fault.
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR ? 0 : -1;
}
#endif

#endif
