// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension MountOptions {
    /// Every option that is not the file system's own. See mount(8) and `mountOptions` of the runtime specification.
    static let table: [String: Effect] = [
        "defaults": .nothing,
        "loud": .clear(.silent, [], field: []),
        "silent": .set(.silent, [], field: []),

        "ro": .set(.readOnly, .readOnly, field: []),
        "rw": .clear(.readOnly, .readOnly, field: []),
        "nosuid": .set(.noSUID, .noSUID, field: []),
        "suid": .clear(.noSUID, .noSUID, field: []),
        "nodev": .set(.noDevices, .noDevices, field: []),
        "dev": .clear(.noDevices, .noDevices, field: []),
        "noexec": .set(.noExec, .noExec, field: []),
        "exec": .clear(.noExec, .noExec, field: []),
        "nosymfollow": .set(.noSymlinkFollow, .noSymlinkFollow, field: []),
        "symfollow": .clear(.noSymlinkFollow, .noSymlinkFollow, field: []),

        "sync": .set(.synchronous, [], field: []),
        "async": .clear(.synchronous, [], field: []),
        "dirsync": .set(.directorySync, [], field: []),
        "mand": .set(.mandatoryLocks, [], field: []),
        "nomand": .clear(.mandatoryLocks, [], field: []),
        "remount": .set(.remount, [], field: []),
        "iversion": .set(.inodeVersion, [], field: []),
        "noiversion": .clear(.inodeVersion, [], field: []),
        "lazytime": .set(.lazyTime, [], field: []),
        "nolazytime": .clear(.lazyTime, [], field: []),

        "noatime": .set(.noAccessTime, .noAccessTime, field: .accessTimeMask),
        "atime": .clear(.noAccessTime, [], field: .accessTimeMask),
        "strictatime": .set(.strictAccessTime, .strictAccessTime, field: .accessTimeMask),
        "nostrictatime": .clear(.strictAccessTime, [], field: .accessTimeMask),
        "relatime": .set(.relativeAccessTime, [], field: .accessTimeMask),
        "norelatime": .clear(.relativeAccessTime, [], field: []),
        "nodiratime": .set(.noDirectoryAccessTime, .noDirectoryAccessTime, field: []),
        "diratime": .clear(.noDirectoryAccessTime, .noDirectoryAccessTime, field: []),

        "rro": .recursive(set: .readOnly, clear: []),
        "rrw": .recursive(set: [], clear: .readOnly),
        "rnosuid": .recursive(set: .noSUID, clear: []),
        "rsuid": .recursive(set: [], clear: .noSUID),
        "rnodev": .recursive(set: .noDevices, clear: []),
        "rdev": .recursive(set: [], clear: .noDevices),
        "rnoexec": .recursive(set: .noExec, clear: []),
        "rexec": .recursive(set: [], clear: .noExec),
        "rnosymfollow": .recursive(set: .noSymlinkFollow, clear: []),
        "rsymfollow": .recursive(set: [], clear: .noSymlinkFollow),
        "rnoatime": .recursive(set: .noAccessTime, clear: .accessTimeMask),
        "ratime": .recursive(set: [], clear: .accessTimeMask),
        "rstrictatime": .recursive(set: .strictAccessTime, clear: .accessTimeMask),
        "rnostrictatime": .recursive(set: [], clear: .accessTimeMask),
        "rrelatime": .recursive(set: [], clear: .accessTimeMask),
        "rnorelatime": .nothing,
        "rnodiratime": .recursive(set: .noDirectoryAccessTime, clear: []),
        "rdiratime": .recursive(set: [], clear: .noDirectoryAccessTime),

        "private": .propagation(.private),
        "rprivate": .propagation([.private, .recursive]),
        "slave": .propagation(.slave),
        "rslave": .propagation([.slave, .recursive]),
        "shared": .propagation(.shared),
        "rshared": .propagation([.shared, .recursive]),
        "unbindable": .propagation(.unbindable),
        "runbindable": .propagation([.unbindable, .recursive]),

        "bind": .bind(.single),
        "rbind": .bind(.recursive),
        "idmap": .idMap(recursive: false),
        "ridmap": .idMap(recursive: true),
        "tmpcopyup": .handling(.copyUp),
        "copy-symlink": .handling(.copySymlink),
        "src-nofollow": .handling(.sourceNoFollow),
        "dest-nofollow": .handling(.destinationNoFollow),
    ]

    /// The names for `features`.
    package static var names: [String] { table.keys.sorted() }

    /// The propagation that `linux.rootfsPropagation` and mount options name.
    static func propagation(named name: String) -> MountFlags? {
        if case .propagation(let flags) = table[name] { flags } else { nil }
    }
}
