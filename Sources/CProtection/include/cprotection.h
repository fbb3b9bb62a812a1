// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// Nothing is called by name: what this target does happens before `main`. See protection.c.

#pragma once
