// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// Nothing: to build this target is to build the five programs.
