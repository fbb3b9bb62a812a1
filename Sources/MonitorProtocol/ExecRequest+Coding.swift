// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension ExecRequest {
    /// The caller has made sure that the version can say it.
    func encode(to encoder: inout MessageEncoder) {
        encoder.append(container)
        encoder.append(execID)
        guard encoder.version >= 2 else { return encodeOld(to: &encoder) }
        way.encode(to: &encoder)
        encoder.append(terminal != nil)
        if let terminal { terminal.encode(to: &encoder) }
        encoder.append(timeoutMilliseconds)
        encoder.append(stdin)
        encoder.append(endsWithClient)
    }

    private func encodeOld(to encoder: inout MessageEncoder) {
        if case .runtime(let command, let pidFile, _) = way {
            command.encode(to: &encoder)
            encoder.append(pidFile)
        }
        encoder.append(timeoutMilliseconds)
        encoder.append(stdin)
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        container = try decoder.string()
        execID = try decoder.string()
        if decoder.version >= 2 {
            way = try Way(from: &decoder)
            terminal = try decoder.flag() ? try WindowSize(from: &decoder) : nil
        } else {
            way = .runtime(try RuntimeCommand(from: &decoder), pidFile: try decoder.string())
            terminal = nil
        }
        timeoutMilliseconds = try decoder.number()
        stdin = try decoder.flag()
        endsWithClient = decoder.version >= 2 ? try decoder.flag() : false
    }
}

extension ExecRequest.Way {
    func encode(to encoder: inout MessageEncoder) {
        switch self {
        case .runtime(let command, let pidFile, let consoleSocket):
            encoder.append(1 as UInt8)
            command.encode(to: &encoder)
            encoder.append(pidFile)
            encoder.append(consoleSocket)
        case .entry(let entry):
            encoder.append(2 as UInt8)
            encoder.append(entry.root)
            encoder.append(entry.id)
            encoder.append(entry.arguments)
            encoder.append(entry.environment)
        }
    }

    init(from decoder: inout MessageDecoder) throws(MonitorProtocolError) {
        switch try decoder.number() as UInt8 {
        case 1:
            self = .runtime(
                try RuntimeCommand(from: &decoder), pidFile: try decoder.string(),
                consoleSocket: try decoder.optionalString())
        case 2:
            self = .entry(
                ContainerEntry(
                    root: try decoder.string(), id: try decoder.string(), arguments: try decoder.strings(),
                    environment: try decoder.strings()))
        default: throw .invalidValue("way")
        }
    }
}
