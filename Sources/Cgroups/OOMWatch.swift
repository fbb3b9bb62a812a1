// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// Tells when the kernel runs out of memory in a cgroup: a descriptor for epoll.
///
/// v2 reports each change of `memory.events`. v1 signals an eventfd that is registered in `cgroup.event_control`; see
/// Documentation/admin-guide/cgroup-v1/memory.rst of the kernel.
package struct OOMWatch {
    private final class Registration {
        let event: EventFD
        init(_ event: consuming EventFD) { self.event = event }
    }

    private let file: SharedFD
    private let path: String
    /// v1 only.
    private let registration: Registration?
    private var count: UInt64

    /// nil for a host that does not limit memory.
    package init?(_ driver: any CgroupDriver) throws(CgroupError) {
        guard let path = driver.oomEventsFile, Syscall.exists(path) else { return nil }
        self.path = path
        let file = try CgroupError.attempt("open", path) { () throws(Errno) in SharedFD(try Syscall.open(path, [])) }
        self.file = file
        count = CgroupCounters(try? Syscall.readText(path))["oom_kill"]
        registration = path.hasSuffix("/memory.oom_control") ? try Self.register(file, path) : nil
    }

    private static func register(_ file: SharedFD, _ path: String) throws(CgroupError) -> Registration {
        let event = try CgroupError.attempt("watch", path) { () throws(Errno) in try EventFD() }
        let control = path.dropLast("memory.oom_control".count) + "cgroup.event_control"
        let line = "\(event.rawValue) \(file.rawValue)"
        try CgroupError.attempt("write \"\(line)\" to", String(control)) { () throws(Errno) in
            try Syscall.writeExisting(String(control), line)
        }
        return Registration(event)
    }

    /// What epoll shall watch.
    package var rawValue: Int32 { registration?.event.rawValue ?? file.rawValue }
    /// What it becomes ready for.
    package var interest: Epoll.Interest { registration == nil ? .priority : .readable }

    /// Takes note of a report; whether memory has run out since the last one. The end of the cgroup is reported as well.
    package mutating func take() throws(CgroupError) -> Bool {
        if let registration {
            let times = try CgroupError.attempt("read", path) { () throws(Errno) in try registration.event.take() }
            return times > 0 && Syscall.exists(path)
        }
        // Read through this descriptor, or epoll reports the same change for ever.
        let before = count
        do throws(Errno) {
            let bytes = try Syscall.read(file.rawValue, upTo: 4096, at: 0)
            count = CgroupCounters(String(decoding: bytes, as: UTF8.self))["oom_kill"]
        } catch .ENODEV {
            return false
        } catch {
            throw CgroupError("read", path, error)
        }
        return count > before
    }
}
