// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// ISA-L's inflate behind an opaque state: its structure holds arrays that are too large for Swift to import.

#ifndef SKIFF_CCOMPRESSION_H
#define SKIFF_CCOMPRESSION_H

#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>

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
// sets `*produced` and `*finished`. Returns 0, or ISA-L's negative error.
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
    return result < 0 ? result : 0;
}

#endif
