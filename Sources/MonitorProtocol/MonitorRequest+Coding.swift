// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension MonitorRequest {
    /// The packet that asks this under the number; fails when it would be too long.
    package func encoded(request: UInt32) throws(MonitorProtocolError) -> [UInt8] {
        var encoder = MessageEncoder(kind: kind, request: request)
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
        case .forget(let container), .reopenLog(let container): encoder.append(container)
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
        case 10: self = .reopenLog(container: try decoder.string())
        case 11: self = .shutdown
        default: throw .unknownKind(decoder.kind)
        }
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
    }
}

extension ExecRequest {
    func encode(to encoder: inout MessageEncoder) {
        encoder.append(container)
        encoder.append(execID)
        command.encode(to: &encoder)
        encoder.append(pidFile)
        encoder.append(timeoutMilliseconds)
        encoder.append(stdin)
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        container = try decoder.string()
        execID = try decoder.string()
        command = try RuntimeCommand(from: &decoder)
        pidFile = try decoder.string()
        timeoutMilliseconds = try decoder.number()
        stdin = try decoder.flag()
    }
}
