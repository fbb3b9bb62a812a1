// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Writes everything but directories: contents first, the inode after it.
extension ErofsLayer {
    private static let blockSize = Int64(ErofsFormat.blockSize)

    /// A regular file with its content.
    func write(_ entry: LayerEntry, size: Int64, from reader: some ContentSource) throws -> ErofsReference {
        var inode = inode(entry, type: CLX_S_IFREG)
        inode.size = UInt64(size)
        if size > UInt32.max { inode.isCompact = false }
        return entry.isSparse
            ? try writeSparse(inode, size, entry, reader) : try writeFlat(inode, size, entry, reader)
    }

    private func inode(_ entry: LayerEntry, type: UInt32) -> ErofsInode {
        var inode = ErofsInode(entry, type: type, base: base ?? entry.modified)
        inode.serial = nextSerial()
        let usesUserNames = type == CLX_S_IFREG
        let allowed = entry.attributes.filter { attribute in
            guard !Whiteout.isReserved(attribute: attribute.name) else { return false }
            // As every file system refuses it: xattr(7).
            guard usesUserNames || !attribute.name.starts(with: "user.".utf8) else {
                summary.skippedAttributes += 1
                return false
            }
            return true
        }
        inode.attributes = ErofsAttributes.encode(allowed, skipped: &summary.skippedAttributes)
        return inode
    }

    /// Whole blocks go where they are to stay; the rest waits for its inode and goes beside it, if both fit in one block.
    private func writeFlat(
        _ template: ErofsInode, _ size: Int64, _ entry: LayerEntry, _ reader: some ContentSource
    ) throws -> ErofsReference {
        var inode = template
        if size > 0, inode.headSize + Int(min(size, Self.blockSize)) <= ErofsFormat.blockSize {
            return try writeInline(inode, Int(size), entry, reader)
        }
        let rest = Int(size % Self.blockSize)
        let isInline = rest > 0 && inode.headSize + rest <= ErofsFormat.blockSize
        let whole = isInline ? size - Int64(rest) : size
        let count = UInt64((whole + Self.blockSize - 1) / Self.blockSize)
        inode.layout = isInline ? .inline : .plain
        let start = try attempt(entry) { () throws(Errno) in count > 0 ? try file.reserve(count) : 0 }
        inode.payload = UInt32(start)
        return unsafe try withTail { tail in
            // What the archive leaves out of the content is zero.
            if isInline { unsafe tail.initializeMemory(as: UInt8.self, repeating: 0) }
            unsafe try reader.content { offset, bytes in
                guard offset >= 0, offset <= size, Int64(bytes.count) <= size - offset else {
                    throw entry.fault(.corrupt, "its content is longer than its size")
                }
                let direct = Int(max(0, min(Int64(bytes.count), whole - offset)))
                try attempt(entry) { () throws(Errno) in
                    unsafe try file.append(
                        UnsafeRawBufferPointer(rebasing: bytes[..<direct]), at: Int64(start) * Self.blockSize + offset)
                }
                guard direct < bytes.count else { return }
                unsafe UnsafeMutableRawBufferPointer(rebasing: tail[Int(offset + Int64(direct) - whole)...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[direct...]))
            }
            file.endContents()
            let end = unsafe UnsafeRawBufferPointer(rebasing: tail[..<(isInline ? rest : 0)])
            return try attempt(entry) { () throws(Errno) in unsafe try place(inode, end) }
        }
    }

    /// A content that is all beside its inode goes there at once.
    private func writeInline(
        _ template: ErofsInode, _ size: Int, _ entry: LayerEntry, _ reader: some ContentSource
    ) throws -> ErofsReference {
        var inode = template
        inode.layout = .inline
        let (place, memory) = unsafe try attempt(entry) { () throws(Errno) in
            unsafe try file.place(inode.headSize + size)
        }
        unsafe inode.store(in: memory)
        unsafe try reader.content { offset, bytes in
            guard offset >= 0, offset <= size, bytes.count <= size - Int(offset) else {
                throw entry.fault(.corrupt, "its content is longer than its size")
            }
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[(inode.headSize + Int(offset))...])
                .copyMemory(from: bytes)
        }
        return ErofsReference(offset: place, isCompact: inode.isCompact)
    }

    /// A file with holes, in chunks. A chunk in which nothing is takes no space.
    private func writeSparse(
        _ template: ErofsInode, _ size: Int64, _ entry: LayerEntry, _ reader: some ContentSource
    ) throws -> ErofsReference {
        var inode = template
        let blocks = (size + Self.blockSize - 1) / Self.blockSize
        // At most 64 KiB of addresses, unless chunks would get larger than 16 MiB.
        var log: Int64 = 0
        while blocks >> log > 16384, log < 12 { log += 1 }
        let chunkSize = Self.blockSize << log
        var map = [UInt32](repeating: ErofsFormat.hole, count: Int((size + chunkSize - 1) / chunkSize))
        unsafe try reader.content { offset, bytes in
            guard offset >= 0, offset <= size, Int64(bytes.count) <= size - offset else {
                throw entry.fault(.corrupt, "its content is longer than its size")
            }
            try attempt(entry) { () throws(Errno) in
                var done = 0
                while done < bytes.count {
                    let position = offset + Int64(done)
                    let chunk = Int(position / chunkSize)
                    let count = Int(min(Int64(bytes.count - done), Int64(chunk + 1) * chunkSize - position))
                    if map[chunk] == ErofsFormat.hole {
                        let needed = min(1 << log, blocks - Int64(chunk) << log)
                        map[chunk] = UInt32(try file.reserve(UInt64(needed)))
                    }
                    unsafe try file.write(
                        UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]),
                        at: Int64(map[chunk]) * Self.blockSize + position % chunkSize)
                    done += count
                }
            }
        }
        inode.layout = .chunks
        inode.payload = UInt32(log)
        hasChunks = true
        let addresses = map.flatMap { address in (0..<4).map { UInt8(truncatingIfNeeded: address >> (8 * $0)) } }
        return try attempt(entry) { () throws(Errno) in
            unsafe try addresses.withUnsafeBufferPointer { bytes throws(Errno) in
                unsafe try place(inode, UnsafeRawBufferPointer(bytes))
            }
        }
    }

    /// A symbolic link; returns its place in `links`.
    func makeLink(_ entry: LayerEntry, _ target: [UInt8]) throws(ArchiveError) -> Int {
        guard !target.isEmpty, target.count < EntryPath.lengthLimit else {
            throw entry.fault(.corrupt, "the target of the link is empty or too long")
        }
        var inode = inode(entry, type: CLX_S_IFLNK)
        // The mode that every link has.
        inode.mode = CLX_S_IFLNK | 0o777
        inode.size = UInt64(target.count)
        let reference = try attempt(entry) { () throws(Errno) in
            unsafe try target.withUnsafeBufferPointer { bytes throws(Errno) in
                unsafe try placeContent(&inode, UnsafeRawBufferPointer(bytes))
            }
        }
        return try links.add(reference, target)
    }

    /// A content that is in memory: beside the inode, or in blocks.
    private func placeContent(_ inode: inout ErofsInode, _ bytes: UnsafeRawBufferPointer) throws(Errno)
        -> ErofsReference
    {
        if inode.headSize + bytes.count <= ErofsFormat.blockSize {
            inode.layout = .inline
            return unsafe try place(inode, bytes)
        }
        let start = try file.reserve(UInt64((bytes.count + ErofsFormat.blockSize - 1) / ErofsFormat.blockSize))
        inode.payload = UInt32(start)
        unsafe try file.append(bytes, at: Int64(start) * Self.blockSize)
        file.endContents()
        return unsafe try place(inode, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// A device or fifo.
    func writeNode(_ entry: LayerEntry) throws(ArchiveError) -> (ErofsReference, ErofsFormat.FileType) {
        let (type, fileType, device): (UInt32, ErofsFormat.FileType, DeviceNumber?) =
            switch entry.kind {
            case .characterDevice(let device): (CLX_S_IFCHR, .character, device)
            case .blockDevice(let device): (CLX_S_IFBLK, .block, device)
            case .fifo, .file, .directory, .symlink, .hardLink: (CLX_S_IFIFO, .fifo, nil)
            }
        if case .characterDevice(DeviceNumber(major: 0, minor: 0)) = entry.kind {
            throw entry.fault(.hostile, "a device 0:0 is a forged whiteout")
        }
        var inode = inode(entry, type: type)
        if let device {
            guard let encoded = ErofsFormat.encode(device) else {
                throw entry.fault(.unsupported, "its device number \(device.major):\(device.minor) is out of range")
            }
            inode.payload = encoded
        }
        let reference = try attempt(entry) { () throws(Errno) in
            unsafe try place(inode, UnsafeRawBufferPointer(start: nil, count: 0))
        }
        return (reference, fileType)
    }

    /// Writes an inode and what is directly behind it.
    func place(_ inode: ErofsInode, _ behind: UnsafeRawBufferPointer) throws(Errno) -> ErofsReference {
        let size = inode.headSize + behind.count
        if size <= ErofsFormat.blockSize {
            let (offset, memory) = unsafe try file.place(size)
            unsafe inode.store(in: memory)
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[inode.headSize...]).copyMemory(from: behind)
            return ErofsReference(offset: offset, isCompact: inode.isCompact)
        }
        // Large attributes or maps of chunks get blocks of their own.
        let blocks = (size + ErofsFormat.blockSize - 1) / ErofsFormat.blockSize
        let offset = Int64(try file.reserve(UInt64(blocks))) * Self.blockSize
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { unsafe memory.deallocate() }
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe inode.store(in: memory)
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[inode.headSize...]).copyMemory(from: behind)
        unsafe try file.append(UnsafeRawBufferPointer(memory), at: offset)
        file.endContents()
        return ErofsReference(offset: offset, isCompact: inode.isCompact)
    }

    /// An error of the kernel while an entry is written becomes one that names the entry.
    func attempt<Value>(_ entry: LayerEntry, _ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
        do throws(Errno) {
            return try body()
        } catch .EFBIG {
            throw entry.fault(.tooLarge, "the layer is larger than 16 TiB")
        } catch {
            throw ArchiveError(entry: entry.displayName, error)
        }
    }
}
