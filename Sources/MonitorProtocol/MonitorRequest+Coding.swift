// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension MonitorRequest {
    /// The packet that asks this under the number in that version; fails when it would be too long, or the version
    /// cannot say it. A `hello` is of version 1 always.
    package func encoded(request: UInt32, version: UInt16) throws(MonitorProtocolError) -> [UInt8] {
        guard version >= firstVersion else { throw .needsVersion(firstVersion) }
        let isHello = if case .hello = self { true } else { false }
        var encoder = MessageEncoder(kind: kind, request: request, version: isHello ? 1 : version)
        encodeBody(to: &encoder)
        return try encoder.finish()
    }

    /// Reads a packet that a client sent.
    package init(decoding packet: [UInt8]) throws(MonitorProtocolError) {
        var decoder = try MessageDecoder(packet)
        self = try MonitorRequest(from: &decoder)
        try decoder.finish()
    }

    /// The request number of a packet, also of one that cannot be understood otherwise; nil when it is too short.
    package static func number(of packet: [UInt8]) -> UInt32? {
        guard packet.count >= 8 else { return nil }
        return packet[4..<8].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The version of a packet, also of one that cannot be understood otherwise; the lowest when it is none that this
    /// build speaks.
    package static func version(of packet: [UInt8]) -> UInt16 {
        guard packet.count >= 2 else { return MonitorMessage.versions.lowerBound }
        let version = UInt16(packet[0]) | UInt16(packet[1]) << 8
        return MonitorMessage.versions.contains(version) ? version : MonitorMessage.versions.lowerBound
    }

    private var firstVersion: UInt16 {
        switch self {
        case .exec(let exec): exec.firstVersion
        case .attach, .resize, .endExec: 2
        case .hangUp: 3
        default: 1
        }
    }

    private var kind: UInt16 {
        switch self {
        case .hello: 1
        case .adopt: 2
        case .create: 3
        case .start: 4
        case .run: 5
        case .exec: 6
        case .signal: 7
        case .list: 8
        case .forget: 9
        case .reopenLog: 10
        case .shutdown: 11
        case .attach: 12
        case .resize: 13
        case .endExec: 14
        case .hangUp: 15
        }
    }

    private func encodeBody(to encoder: inout MessageEncoder) {
        switch self {
        case .hello(let version): encoder.append(version)
        case .create(let create): create.encode(to: &encoder)
        case .start(let container, let command):
            encoder.append(container)
            command.encode(to: &encoder)
        case .run(let command): command.encode(to: &encoder)
        case .exec(let exec): exec.encode(to: &encoder)
        case .signal(let container, let signal):
            encoder.append(container)
            encoder.append(signal)
        case .forget(let container): encoder.append(container)
        case .reopenLog(let container, let deadline):
            encoder.append(container)
            if encoder.version >= 2 { encoder.append(deadline ?? 0) }
        case .attach(let attach): attach.encode(to: &encoder)
        case .resize(let container, let size):
            encoder.append(container)
            size.encode(to: &encoder)
        case .endExec(let execID), .hangUp(let execID): encoder.append(execID)
        case .adopt, .list, .shutdown: break
        }
    }

    private init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        switch decoder.kind {
        case 1: self = .hello(version: try decoder.number())
        case 2: self = .adopt
        case 3: self = .create(try CreateRequest(from: &decoder))
        case 4: self = .start(container: try decoder.string(), try RuntimeCommand(from: &decoder))
        case 5: self = .run(try RuntimeCommand(from: &decoder))
        case 6: self = .exec(try ExecRequest(from: &decoder))
        case 7: self = .signal(container: try decoder.string(), signal: try decoder.number())
        case 8: self = .list
        case 9: self = .forget(container: try decoder.string())
        case 10: self = try Self.reopenLog(from: &decoder)
        case 11: self = .shutdown
        case 12 where decoder.version >= 2: self = .attach(try AttachRequest(from: &decoder))
        case 13 where decoder.version >= 2:
            self = .resize(container: try decoder.string(), try WindowSize(from: &decoder))
        case 14 where decoder.version >= 2: self = .endExec(execID: try decoder.string())
        case 15 where decoder.version >= 3: self = .hangUp(execID: try decoder.string())
        default: throw .unknownKind(decoder.kind)
        }
    }

    private static func reopenLog(from decoder: inout MessageDecoder) throws(MonitorProtocolError) -> MonitorRequest {
        let container = try decoder.string()
        let deadline: UInt64 = decoder.version >= 2 ? try decoder.number() : 0
        return .reopenLog(container: container, deadline: deadline == 0 ? nil : deadline)
    }
}

extension RuntimeCommand {
    func encode(to encoder: inout MessageEncoder) {
        encoder.append(arguments)
        encoder.append(environment)
        encoder.append(workingDirectory)
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        arguments = try decoder.strings()
        environment = try decoder.strings()
        workingDirectory = try decoder.string()
    }
}

extension CreateRequest {
    func encode(to encoder: inout MessageEncoder) {
        encoder.append(container)
        command.encode(to: &encoder)
        encoder.append(pidFile)
        encoder.append(exitFile)
        encoder.append(logPath)
        encoder.append(logLimit)
        encoder.append(stdin)
        encoder.append(consoleSocket)
        encoder.append(oomEventsFile)
        // Without attaching, which version 1 does not have, it would mean nothing.
        if encoder.version >= 2 { encoder.append(stdinOnce) }
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        container = try decoder.string()
        command = try RuntimeCommand(from: &decoder)
        pidFile = try decoder.string()
        exitFile = try decoder.string()
        logPath = try decoder.string()
        logLimit = try decoder.number()
        stdin = try decoder.flag()
        consoleSocket = try decoder.optionalString()
        oomEventsFile = try decoder.optionalString()
        stdinOnce = decoder.version >= 2 ? try decoder.flag() : false
    }
}

extension AttachRequest {
    func encode(to encoder: inout MessageEncoder) {
        encoder.append(container)
        encoder.append(stdin)
        encoder.append(stdout)
        encoder.append(stderr)
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        container = try decoder.string()
        stdin = try decoder.flag()
        stdout = try decoder.flag()
        stderr = try decoder.flag()
    }
}

extension WindowSize {
    func encode(to encoder: inout MessageEncoder) {
        encoder.append(rows)
        encoder.append(columns)
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        self.init(rows: try decoder.number(), columns: try decoder.number())
    }
}
