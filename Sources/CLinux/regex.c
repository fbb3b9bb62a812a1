// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#include "clinux.h"

#include <regex.h>
#include <stddef.h>

int clx_regex_match(const char *expression, const char *text, char *error, size_t size) {
    regex_t compiled;
    int result = regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB);
    if (result != 0) {
        regerror(result, &compiled, error, size);
        return -1;
    }
    result = regexec(&compiled, text, 0, NULL, 0);
    regfree(&compiled);
    return result == 0;
}
