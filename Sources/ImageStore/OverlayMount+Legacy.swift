// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// Overlays on Linux before 6.5, which reads all options as one text of a page: 200 layers. See mount(2).
extension OverlayMount {
    /// Found out with an option that does not exist: such a kernel only looks at options when it mounts.
    static let isLegacy: Bool = {
        guard let context = try? Syscall.openFileSystem("overlay") else { return false }
        return (try? Syscall.configure(context.rawValue, flag: "skiff-no-such-option")) != nil
    }()

    /// Through descriptors, whose names are short and without the signs that part the list.
    var lowerList: String { lower.map { $0.descriptor.descriptor.procPath }.joined(separator: ":") }

    /// Mounts the overlay at the path.
    func mountLegacy(at path: String) throws(ImageStoreError) {
        // Until it is mounted the names must last.
        defer { withExtendedLifetime(lower) {} }
        let own = try writable.map { writable throws(ImageStoreError) in
            [
                ("upperdir", try LayerRoot(directory: writable.upper)),
                ("workdir", try LayerRoot(directory: writable.work)),
            ]
        }
        defer { withExtendedLifetime(own) {} }
        var options = ["lowerdir=\(lowerList)"]
        options += (own ?? []).map { "\($0.0)=\($0.1.descriptor.descriptor.procPath)" }
        if isVolatile { options.append("volatile") }
        // In quotes, for the categories of a label stand with commas between them, mount(8).
        if let label { options.append("context=\"\(label)\"") }
        if Whiteout.attributesAreUsers {
            options.append("userxattr")
        } else if writable != nil {
            options.append("metacopy=on")
        }
        let text = options.joined(separator: ",")
        guard text.utf8.count < 4096 else {
            throw ImageStoreError(
                .io, "mount rootfs at", path, "\(lower.count) layers are too many for this kernel: Linux 6.5 takes 500")
        }
        try ImageStoreError.attempt("mount rootfs at", path) { () throws(Errno) in
            try Syscall.mount(
                source: "skiff", target: path, type: "overlay", flags: writable == nil ? .readOnly : [], data: text)
        }
    }
}
