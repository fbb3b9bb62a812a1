// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Tells whether the kernel has killed a container's first process because the container's memory ran out.
///
/// The kernel only counts how many processes it has killed in the cgroup: the line `oom_kill N` of `memory.events` (cgroup
/// v2) or `memory.oom_control` (v1, since Linux 4.13), and tells that the file has changed. A kill after which the first
/// process lives on was another's. Therefore a new count is looked at again a moment later, and unless the first process
/// is being killed by then, the count is what further kills are counted from.
final class OOMCounter {
    private let path: String
    /// So many kills have left the first process alone.
    private var base: UInt64
    /// The count when a change was told last.
    private var seen: UInt64
    private let changes: Changes?

    /// What becomes ready when the file has changed.
    private enum Changes {
        /// The file itself, until it is read: poll(2) tells of files of cgroups.
        case file(SharedFD)
        /// A counter that the kernel was told of, and the file that it counts for; see memory.rst of cgroup v1.
        case counter(SharedEventFD, SharedFD)
    }

    /// Takes the count as it is now.
    init(path: String) {
        self.path = path
        base = Self.read(path) ?? 0
        seen = base
        changes = Self.changes(of: path)
    }

    /// Whether the kernel has killed there, and that was not seen to be another process. systemd removes the cgroup of a scope
    /// as soon as it is empty: then what was seen last counts.
    var hasIncreased: Bool { (Self.read(path) ?? seen) > base }

    /// What is ready when the file may have changed, and for what it is to be watched; nil when the kernel cannot tell.
    var watched: (descriptor: Int32, interest: Epoll.Interest)? {
        switch changes {
        case .file(let file): (file.rawValue, .priority)
        case .counter(let counter, _): (counter.event.rawValue, .readable)
        case nil: nil
        }
    }

    /// Takes the count when a change is told, which makes the descriptor quiet again.
    func look() {
        // Of a cgroup that is gone nothing more is to be known.
        switch changes {
        case .file(let file): _ = try? Syscall.read(file.rawValue, upTo: 4096, at: 0)
        case .counter(let counter, _): _ = try? counter.event.take()
        case nil: break
        }
        seen = Self.read(path) ?? seen
    }

    /// The first process was found alive a while after `look`: the kills until then were others'. Returns whether there
    /// were more meanwhile, which were looked at now. On v1 the kernel tells of a lack of memory before it has killed.
    func exculpate() -> Bool {
        base = max(base, seen)
        seen = Self.read(path) ?? seen
        return seen > base
    }

    private static func changes(of path: String) -> Changes? {
        guard let file = try? SharedFD(Syscall.open(path, .readOnly)) else { return nil }
        guard path.hasSuffix("/memory.oom_control") else {
            // Unread, it would be ready at once.
            _ = try? Syscall.read(file.rawValue, upTo: 4096, at: 0)
            return .file(file)
        }
        guard let counter = try? SharedEventFD(EventFD()) else { return nil }
        let control = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/cgroup.event_control"
        guard (try? Syscall.writeExisting(control, "\(counter.event.rawValue) \(file.rawValue)")) != nil else {
            return nil
        }
        return .counter(counter, file)
    }

    private static func read(_ path: String) -> UInt64? {
        // A cgroup that is gone, or has no such file, tells nothing.
        guard let text = try? Syscall.readText(path) else { return nil }
        return count(in: text)
    }

    static func count(in text: String) -> UInt64? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == "oom_kill" { return UInt64(words[1]) }
        }
        return nil
    }
}

/// The class that lets an eventfd live in an enumeration.
private final class SharedEventFD {
    let event: EventFD

    init(_ event: consuming EventFD) { self.event = event }
}
