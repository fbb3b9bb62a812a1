// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// A source whose blobs are also written to a file on the way.
struct CopyingSource: BlobSource {
    let source: any BlobSource
    let path: String

    func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest { try await source.manifest(selector) }

    func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        let file = try await BlobFile(making: path)
        try await source.blob(descriptor) { block in
            try await file.append(block)
            try await body(block)
        }
    }
}

/// A file that blocks of a blob are appended to or read from, on the pool of blocking threads.
struct BlobFile: Sendable {
    let path: String
    private let file: SharedFD

    /// A new file; one that is there is replaced.
    init(making path: String) async throws {
        self.path = path
        file = try await BlockingPool.run { () throws in
            try ImageStoreError.attempt("create", path) { () throws(Errno) in
                SharedFD(try Syscall.open(path, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600))
            }
        }
    }

    /// The file at the path.
    init(reading path: String) async throws {
        self.path = path
        file = try await BlockingPool.run { () throws in
            try ImageStoreError.attempt("open", path) { () throws(Errno) in SharedFD(try Syscall.open(path, .readOnly))
            }
        }
    }

    /// A file of a directory.
    init(_ name: String, in files: FolderFiles) async throws {
        let path = "\(files.path)/\(name)"
        self.path = path
        file = try await BlockingPool.run { () throws in
            try ImageStoreError.attempt("open", path) { () throws(Errno) in SharedFD(try files.open(name)) }
        }
    }

    func append(_ block: [UInt8]) async throws {
        let (path, file) = (path, file)
        try await BlockingPool.run { () throws in
            try ImageStoreError.attempt("write", path) { () throws(Errno) in try Syscall.writeAll(file.rawValue, block)
            }
        }
    }

    /// Makes what was written outlast a loss of power.
    func sync() async throws {
        let (path, file) = (path, file)
        try await BlockingPool.run { () throws in
            try ImageStoreError.attempt("flush", path) { () throws(Errno) in try file.descriptor.sync() }
        }
    }

    /// Streams the file in blocks of 1 MiB. Throws when it is not exactly as long as it should be.
    func read(_ size: Int64, _ body: ([UInt8]) async throws -> Void) async throws {
        var left = size
        let (path, file) = (path, file)
        while true {
            let block = try await BlockingPool.run { () throws in
                try ImageStoreError.attempt("read", path) { () throws(Errno) in
                    try Syscall.read(file.rawValue, upTo: 1 << 20)
                }
            }
            left -= Int64(block.count)
            guard left >= 0, left == 0 || !block.isEmpty else {
                let problem = left < 0 ? "longer" : "shorter"
                throw ImageStoreError(.corruptLayer, "read", path, "it is \(problem) than \(size) bytes")
            }
            if block.isEmpty { return }
            try await body(block)
        }
    }
}
