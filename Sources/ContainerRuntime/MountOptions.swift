// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// The options of one mount, sorted by what they act on.
package struct MountOptions: Hashable, Sendable {
    /// For mount(2) of a file system.
    package var flags: MountFlags = []
    /// The same for a bind mount: what is not mentioned stays as it is at the source.
    package var set: MountAttributes = []
    package var clear: MountAttributes = []
    /// For the mounts below as well.
    package var recursiveSet: MountAttributes = []
    package var recursiveClear: MountAttributes = []
    /// Changes of propagation in their order; `.recursive` is part of the flags.
    package var propagation: [MountFlags] = []
    /// Options of the file system itself.
    package var data: [String] = []
    package var bind: Bind?
    package var handling: Handling = []
    /// The option `idmap` or `ridmap`.
    package var idMap: IDMap?

    package enum Bind: Hashable, Sendable { case single, recursive }

    /// What the runtime itself does differently.
    package struct Handling: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The new tmpfs starts with what the directory below it holds.
        package static let copyUp = Handling(rawValue: 1)
        /// A source that is a link is copied as one, and nothing is mounted.
        package static let copySymlink = Handling(rawValue: 2)
        /// A source that is a link is mounted itself.
        package static let sourceNoFollow = Handling(rawValue: 4)
        /// A destination that is a link is mounted over itself.
        package static let destinationNoFollow = Handling(rawValue: 8)
    }

    /// The request for an ID mapping, with the mappings that crun reads from the option itself (`idmap=uids=0-1-10`).
    package struct IDMap: Hashable, Sendable {
        package var isRecursive: Bool
        package var text: String?
    }

    /// Sorts the options of mount(8); unknown ones are the file system's.
    package init(_ options: [String] = []) throws(PlanError) {
        for option in options {
            if let effect = Self.table[option] {
                apply(effect)
            } else if option.hasPrefix("idmap=") || option.hasPrefix("ridmap=") {
                let value = option.drop { $0 != "=" }.dropFirst()
                idMap = IDMap(isRecursive: option.hasPrefix("r"), text: String(value))
            } else {
                guard !option.utf8.contains(0) else { throw PlanError("mount option with a NUL byte") }
                data.append(option)
            }
        }
    }

    private mutating func apply(_ effect: Effect) {
        switch effect {
        case .nothing: break
        case .set(let flag, let attributes, let field):
            flags.insert(flag)
            clear.subtract(attributes)
            set.subtract(field)
            set.formUnion(attributes)
            clear.formUnion(field)
        case .clear(let flag, let attributes, let field):
            flags.remove(flag)
            set.subtract(attributes)
            set.subtract(field)
            clear.formUnion(attributes)
            clear.formUnion(field)
        case .recursive(let attributes, let cleared):
            recursiveSet.subtract(cleared)
            recursiveClear.subtract(attributes)
            recursiveSet.formUnion(attributes)
            recursiveClear.formUnion(cleared)
        case .propagation(let flags): propagation.append(flags)
        case .bind(let kind): bind = kind
        case .handling(let kind): handling.insert(kind)
        case .idMap(let isRecursive): idMap = IDMap(isRecursive: isRecursive, text: nil)
        }
    }

    /// What an option does. An access time mode is a field of several bits: all are cleared when one is set.
    enum Effect {
        case nothing
        case set(MountFlags, MountAttributes, field: MountAttributes)
        case clear(MountFlags, MountAttributes, field: MountAttributes)
        case recursive(set: MountAttributes, clear: MountAttributes)
        case propagation(MountFlags)
        case bind(Bind)
        case handling(Handling)
        case idMap(recursive: Bool)
    }
}
