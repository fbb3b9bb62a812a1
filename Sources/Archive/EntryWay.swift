// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Where the path of an entry leads in a layer that is being written.
enum EntryWay<Directory> {
    case directory(Directory)
    /// To what is not in the layer; where that would be in the layers below.
    case missing(EntryPath)
    /// Through a name that the layer deletes.
    case deleted
}
