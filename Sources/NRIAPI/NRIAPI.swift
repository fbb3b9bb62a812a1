// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The module is generated from the two files of messages at build time. The package manager takes a folder for a target
// only if it holds a Swift file, and this is the one.
