// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import SkiffctlCommands

await Skiffctl.main()
