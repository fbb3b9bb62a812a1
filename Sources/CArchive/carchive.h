// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

#ifndef SKIFF_CARCHIVE_H
#define SKIFF_CARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

// Makes the C locale that of the calling thread. libarchive then hands out names as the bytes they are: in a UTF-8
// locale it would compose characters, and two different files of a layer could become one.
static inline void car_use_plain_names(void) {
    static locale_t plain;
    locale_t made;
    if (!__atomic_load_n(&plain, __ATOMIC_ACQUIRE)) {
        locale_t none = 0;
        made = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        if (made && !__atomic_compare_exchange_n(&plain, &none, made, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            freelocale(made);
    }
    if (plain)
        uselocale(plain);
}

#endif
