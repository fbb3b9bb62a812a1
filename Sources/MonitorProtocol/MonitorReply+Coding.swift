// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension MonitorReply {
    var kind: UInt16 {
        switch self {
        case .hello: 257
        case .ok: 258
        case .failed: 259
        case .created: 260
        case .ran: 261
        case .execStarted: 262
        case .execExited: 263
        case .containers: 264
        }
    }

    func encodeBody(to encoder: inout MessageEncoder) {
        switch self {
        case .hello(let version, let pid, let pod):
            encoder.append(version)
            encoder.append(UInt32(bitPattern: pid))
            encoder.append(pod)
        case .ok: break
        case .failed(let text, let exitStatus):
            encoder.append(text)
            encoder.append(exitStatus)
        case .created(let process): process.encode(to: &encoder)
        case .ran(let exitStatus, let text):
            encoder.append(exitStatus)
            encoder.append(text)
        case .execStarted(let pid): encoder.append(UInt32(bitPattern: pid))
        case .execExited(let exit):
            encoder.append(exit.code)
            encoder.append(exit.signal)
            encoder.append(exit.timedOut)
        case .containers(let list):
            encoder.append(UInt32(list.count))
            for status in list { status.encode(to: &encoder) }
        }
    }

    /// Nil when the kind is none of an answer's.
    init?(kind: UInt16, from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        switch kind {
        case 257: self = .hello(version: try decoder.number(), pid: try decoder.pid(), pod: try decoder.string())
        case 258: self = .ok
        case 259: self = .failed(text: try decoder.string(), exitStatus: try decoder.optionalNumber())
        case 260: self = .created(try MonitoredProcess(from: &decoder))
        case 261: self = .ran(exitStatus: try decoder.number(), text: try decoder.string())
        case 262: self = .execStarted(pid: try decoder.pid())
        case 263:
            self = .execExited(
                ExecExit(code: try decoder.number(), signal: try decoder.number(), timedOut: try decoder.flag()))
        case 264:
            var list: [ContainerStatus] = []
            for _ in 0..<(try decoder.count(ofAtLeast: 13)) { list.append(try ContainerStatus(from: &decoder)) }
            self = .containers(list)
        default: return nil
        }
    }
}

extension MonitorEvent {
    var kind: UInt16 {
        switch self {
        case .exited: 513
        case .logTrouble: 514
        }
    }

    /// The version of the protocol that brought it.
    package var firstVersion: UInt16 {
        switch self {
        case .exited: 1
        case .logTrouble: 2
        }
    }

    func encodeBody(to encoder: inout MessageEncoder) {
        switch self {
        case .exited(let container, let record):
            encoder.append(container)
            encoder.append(record.text)
        case .logTrouble(let container, let lostBytes, let error):
            encoder.append(container)
            encoder.append(lostBytes)
            encoder.append(error)
        }
    }

    /// Nil when the kind is none of an event's.
    init?(kind: UInt16, from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        switch kind {
        case 513: self = .exited(container: try decoder.string(), try decoder.exitRecord())
        case 514:
            self = .logTrouble(
                container: try decoder.string(), lostBytes: try decoder.number(), error: try decoder.string())
        default: return nil
        }
    }
}

extension MonitoredProcess {
    func encode(to encoder: inout MessageEncoder) {
        encoder.append(UInt32(bitPattern: pid))
        encoder.append(startTime)
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        pid = try decoder.pid()
        startTime = try decoder.number()
    }
}

extension ContainerStatus {
    func encode(to encoder: inout MessageEncoder) {
        encoder.append(container)
        switch state {
        case .creating: encoder.append(1 as UInt8)
        case .created(let process):
            encoder.append(2 as UInt8)
            process.encode(to: &encoder)
        case .running(let process, let started):
            encoder.append(3 as UInt8)
            process.encode(to: &encoder)
            encoder.append(started)
        case .exited(let record):
            encoder.append(4 as UInt8)
            encoder.append(record.text)
        }
        encoder.append(lostBytes)
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        container = try decoder.string()
        switch try decoder.number() as UInt8 {
        case 1: state = .creating
        case 2: state = .created(try MonitoredProcess(from: &decoder))
        case 3: state = .running(try MonitoredProcess(from: &decoder), started: try decoder.number())
        case 4: state = .exited(try decoder.exitRecord())
        default: throw .invalidValue("state")
        }
        lostBytes = try decoder.number()
    }
}

extension MessageDecoder {
    fileprivate mutating func pid() throws(MonitorProtocolError) -> Int32 {
        Int32(bitPattern: try number() as UInt32)
    }

    fileprivate mutating func exitRecord() throws(MonitorProtocolError) -> ExitRecord {
        guard let record = ExitRecord(parsing: try string()) else { throw .invalidValue("exit record") }
        return record
    }
}
