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
    /// The new tmpfs starts with what the directory below it holds.
    package var copyUp = false

    package enum Bind: Hashable, Sendable { case single, recursive }

    /// Sorts the options of mount(8); unknown ones are the file system's.
    package init(_ options: [String] = []) throws(PlanError) {
        for option in options {
            guard let effect = Self.table[option] else {
                if option == "idmap" || option == "ridmap" { throw .unsupported("mount option \"\(option)\"") }
                guard !option.utf8.contains(0) else { throw PlanError("mount option with a NUL byte") }
                data.append(option)
                continue
            }
            apply(effect)
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
        case .copyUp: copyUp = true
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
        case copyUp
    }
}
