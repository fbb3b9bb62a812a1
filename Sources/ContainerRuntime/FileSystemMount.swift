// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A new file system that is to be mounted.
struct FileSystemMount {
    let type: String
    let source: String
    var flags: MountFlags
    var data: [String]
    /// The PID namespace that a procfs shows; nil for the caller's own.
    var processes: JoinedNamespace?

    init(_ type: String, _ source: String, _ options: MountOptions) {
        self.type = type
        self.source = source
        flags = options.flags
        data = options.data
    }

    /// Mounts at the path with one system call.
    func attach(at path: String, for mount: MountPlan) throws {
        do throws(Errno) {
            try Syscall.mount(source: source, target: path, type: type, flags: flags, data: data.joined(separator: ","))
        } catch {
            throw explained(error, mount)
        }
    }

    /// A detached mount, for what has to be done before anybody sees it.
    func detached(for mount: MountPlan) throws -> OwnedFD {
        do throws(Errno) {
            let context = try openContext()
            try Syscall.configure(context.rawValue, "source", source)
            for option in data { try configure(context, option) }
            for (flag, name) in Self.flagNames where flags.contains(flag) {
                try Syscall.configure(context.rawValue, flag: name)
            }
            var attributes = mount.options.set
            if !flags.contains(.readOnly) { attributes.remove(.readOnly) }
            return try Syscall.createMount(context.rawValue, attributes: attributes)
        } catch {
            throw explained(error, mount)
        }
    }

    private func openContext() throws(Errno) -> OwnedFD {
        if let processes { try ForeignProc.open(processes.file) } else { try Syscall.openFileSystem(type) }
    }

    /// Flags of the file system, not of one mount of it.
    private static let flagNames: [(MountFlags, String)] = [
        (.readOnly, "ro"), (.synchronous, "sync"), (.directorySync, "dirsync"), (.mandatoryLocks, "mand"),
        (.lazyTime, "lazytime"),
    ]

    private func configure(_ context: borrowing OwnedFD, _ option: String) throws(Errno) {
        guard let equal = option.firstIndex(of: "=") else {
            return try Syscall.configure(context.rawValue, flag: option)
        }
        var value = option[option.index(after: equal)...]
        // Quotes keep the commas of an SELinux label together in the one text of mount(2); here values stand alone.
        if value.count > 1, value.hasPrefix("\""), value.hasSuffix("\"") { value = value.dropFirst().dropLast() }
        try Syscall.configure(context.rawValue, String(option[..<equal]), String(value))
    }

    /// mount(2) does not say what is invalid; a context of the file system does, option by option.
    private func explained(_ error: Errno, _ mount: MountPlan) -> any Error {
        if error == .ENODEV {
            return RuntimeError("mount \(type) to \"\(mount.destination)\": \(error) (unknown filesystem type)")
        }
        if error == .ENOMEM, processes != nil {
            return RuntimeError("mount \(type) to \"\(mount.destination)\": \(error) \(Successor.lackOfFirstProcess)")
        }
        let plain = SystemError("mount \(type) to", mount.destination, error)
        guard error == .EINVAL, let context = try? Syscall.openFileSystem(type) else { return plain }
        for option in data {
            do throws(Errno) {
                try configure(context, option)
            } catch {
                let log = Syscall.messages(of: context.rawValue)
                return RuntimeError(
                    "mount \(type) to \"\(mount.destination)\" with option \"\(option)\": \(log.isEmpty ? "\(error)" : log)"
                )
            }
        }
        return plain
    }
}

extension MountPlan {
    /// The type as the configuration names it, for messages.
    var typeName: String {
        switch content {
        case .bind: "bind"
        case .cgroup: "cgroup"
        case .tmpfs: "tmpfs"
        case .fileSystem(let type, _): type
        }
    }
}
