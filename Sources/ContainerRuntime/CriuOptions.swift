// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What `checkpoint` and `restore` were asked for. Names are those of the options of criu(8).
package struct CriuOptions: Sendable {
    /// What becomes of cgroups; the numbers are those of criu.
    package enum CgroupMode: UInt64, Sendable {
        case ignore = 0
        case soft = 3
        case full = 4
        case strict = 5

        /// Reads `soft`, `full`, `strict` or `ignore`.
        package init?(named name: String) {
            switch name {
            case "soft": self = .soft
            case "full": self = .full
            case "strict": self = .strict
            case "ignore": self = .ignore
            default: return nil
            }
        }
    }

    /// Absolute paths.
    package var imagePath: String
    package var workPath: String
    /// Of earlier images, relative to the images.
    package var parentPath: String?
    /// A path, or a name that is looked for.
    package var program = "criu"
    /// Where criu and its helpers are looked for.
    package var searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    package var leaveRunning = false
    package var tcpEstablished = false
    package var tcpSkipInFlight = false
    package var tcpClose = false
    package var linkRemap = false
    package var externalUnixSockets = false
    package var shellJob = false
    package var fileLocks = false
    package var preDump = false
    package var lazyPages = false
    package var autoDedup = false
    /// A descriptor of the caller that gets a byte when the page server is ready.
    package var statusDescriptor: Int32?
    package var pageServer: (address: String, port: Int32)?
    package var cgroupMode = CgroupMode.soft
    package var emptyNetwork = false
    /// 1 is iptables, 2 is nftables.
    package var networkLock: UInt64?
    package var lsmProfile: String?
    package var lsmMountContext: String?
    /// `org.criu.config`: a file of further options.
    package var configurationFile: String?

    package init(imagePath: String, workPath: String) {
        self.imagePath = imagePath
        self.workPath = workPath
    }

    /// What both operations have in common, as `criu_opts`.
    func message(_ directories: CheckpointDirectories, log: String, root: String) -> CriuMessage {
        var message = CriuMessage()
        // Numbers of descriptors, here and of the status, are those of this process: criu opens /proc/PID/fd.
        message.add(1, directories.images.rawValue)
        message.add(17, directories.work.rawValue)
        if let statusDescriptor { message.add(49, statusDescriptor) }
        message.add(9, 4)
        message.add(10, log)
        message.add(13, root)
        message.add(12, true)
        message.add(4, externalUnixSockets)
        message.add(5, tcpEstablished)
        message.add(6, true)
        message.add(7, shellJob)
        message.add(8, fileLocks)
        message.add(14, parentPath)
        message.add(16, autoDedup)
        message.add(18, linkRemap)
        message.add(24, cgroupMode != .ignore)
        message.add(34, cgroupMode.rawValue)
        if emptyNetwork { message.add(38, NamespaceFlags.network.rawValue) }
        message.add(46, tcpSkipInFlight)
        message.add(48, lazyPages)
        message.add(50, true)
        message.add(51, configurationFile)
        message.add(52, tcpClose)
        message.add(53, lsmProfile)
        message.add(63, lsmMountContext)
        if let networkLock { message.add(64, networkLock) }
        if let pageServer {
            var server = CriuMessage()
            server.add(1, pageServer.address)
            server.add(2, pageServer.port)
            message.add(11, server)
        }
        return message
    }

    /// `ext_mount_map`
    static func externalMount(_ key: String, _ value: String) -> CriuMessage {
        var mount = CriuMessage()
        mount.add(1, key)
        mount.add(2, value)
        return mount
    }

    /// `inherit_fd`
    static func inherited(_ key: String, _ descriptor: Int32) -> CriuMessage {
        var inherited = CriuMessage()
        inherited.add(1, key)
        inherited.add(2, descriptor)
        return inherited
    }
}
