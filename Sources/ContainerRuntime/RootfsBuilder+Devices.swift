// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension RootfsBuilder {
    /// Device nodes and the links that programs expect in /dev, "Dev symbolic links" of the runtime specification.
    func makeDevices() throws {
        guard plan.makesDevices else { return }
        // Nearly all are in /dev, which is opened once.
        var last: (path: Substring, directory: SharedFD)?
        for device in plan.devices {
            let slash = device.path.lastIndex(of: "/") ?? device.path.startIndex
            let path = device.path[..<slash]
            let name = String(device.path[slash...].dropFirst())
            try SystemError.attempt("create device node", device.path) { () throws(Errno) in
                if last?.path != path { last = (path, SharedFD(try root.makeDirectories(String(path)))) }
                if let directory = last?.directory { try make(device, name, in: directory) }
            }
        }
        try makeLinks()
    }

    private func make(_ device: DevicePlan, _ name: String, in directory: SharedFD) throws(Errno) {
        // Inside a user namespace nobody may make nodes that mean something; the host's is shown instead.
        if plan.hasUserNamespace, device.kind != .fifo { return try bindHostNode(device) }
        do throws(Errno) {
            // The creation mask is 0 here, so the mode is right from the start.
            try Syscall.makeNode(
                name, mode: device.typeBits | device.mode, device: device.number, at: directory.rawValue)
        } catch .EEXIST {
            return try adopt(device, name, directory.rawValue)
        } catch .EPERM {
            return try bindHostNode(device)
        }
        guard device.uid != 0 || device.gid != 0 else { return }
        try Syscall.changeOwner(name, uid: device.uid, gid: device.gid, at: directory.rawValue)
        // Changing the owner clears these bits.
        if device.mode & 0o6000 != 0 { try Syscall.changeMode(name, device.mode, at: directory.rawValue) }
    }

    /// What the image has at the path may be the same device; then it gets the mode and the owner that it shall have.
    private func adopt(_ device: DevicePlan, _ name: String, _ directory: Int32) throws(Errno) {
        let node = try Syscall.open(name, [.path, .noFollow], at: directory)
        let status = try node.status()
        guard status.mode & 0o170000 == device.typeBits, device.kind == .fifo || status.deviceNumber == device.number
        else { throw .EEXIST }
        // The owner first: changing it may clear bits of the mode.
        if status.uid != device.uid || status.gid != device.gid {
            try Syscall.changeOwner(of: node.rawValue, uid: device.uid, gid: device.gid)
        }
        if status.permissions != device.mode { try Syscall.changeMode(node.procPath, device.mode) }
    }

    private func bindHostNode(_ device: DevicePlan) throws(Errno) {
        let tree = try Syscall.openTree(device.path, clone: true)
        let status = try tree.status()
        guard status.mode & 0o170000 == device.typeBits, status.deviceNumber == device.number else { throw .ENODEV }
        let target = try root.makeFile(device.path)
        try Syscall.moveMount(tree.rawValue, to: "", at: target.rawValue)
    }

    private func makeLinks() throws {
        let directory = try SystemError.attempt("open", "/dev") { () throws(Errno) in try root.makeDirectories("/dev") }
        func link(_ name: String, to target: String, replacing: Bool = false) throws {
            try SystemError.attempt("create link", "/dev/\(name)") { () throws(Errno) in
                if replacing {
                    do throws(Errno) { try Syscall.removeFile(name, at: directory.rawValue) } catch .ENOENT {}
                }
                do throws(Errno) { try Syscall.makeSymlink(target, name, at: directory.rawValue) } catch .EEXIST {}
            }
        }
        try link("fd", to: "/proc/self/fd")
        try link("stdin", to: "/proc/self/fd/0")
        try link("stdout", to: "/proc/self/fd/1")
        try link("stderr", to: "/proc/self/fd/2")
        if Syscall.exists("/proc/kcore") { try link("core", to: "/proc/kcore") }
        // An image's own ptmx would open terminals of another devpts.
        guard plan.mounts.contains(where: { $0.destination == "/dev/pts" }) else { return }
        try link("ptmx", to: "pts/ptmx", replacing: true)
    }
}
