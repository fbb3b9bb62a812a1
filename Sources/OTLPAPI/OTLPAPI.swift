// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The module is generated from collector/trace/v1/trace_service.proto at build time. The package manager takes a folder
// for a target only if it holds a Swift file, and this is the one.
