// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Confinement
import ContainerRuntime
import MonitorProtocol
import OCIRuntimeSpec
import StreamFraming

/// The places where bytes of others enter. Each takes any bytes at all: a trap is a defect, and so is an
/// answer that breaks its promise. `hack/fuzz` looks for such bytes; the tests feed it what was found before.
enum FuzzEntry: String, CaseIterable, Sendable {
    /// config.json: read, then planned.
    case config
    /// The section `linux.seccomp`: read, compiled, and the program run.
    case seccomp
    /// `status` in the directory of a container.
    case state
    /// The process of `exec --process`.
    case process
    /// A command line, a word in each line.
    case arguments
    /// A client's SPDY connection.
    case spdy
    /// A client's WebSocket connection.
    case websocket
    /// The head of an HTTP message.
    case http
    /// The connection of a plugin.
    case plugin
    /// A message to a monitor, or from one: daemon and monitor may be of different builds.
    case monitor
    /// A layer of an image, compressed or not.
    case layer

    func run(_ bytes: [UInt8]) {
        switch self {
        case .config: Self.config(bytes)
        case .seccomp: Self.seccomp(bytes)
        case .state: _ = Self.read(ContainerRecord.self, bytes)
        case .process: Self.process(bytes)
        case .arguments: Self.arguments(bytes)
        case .spdy: Self.spdy(bytes)
        case .websocket: Self.websocket(bytes)
        case .http: Self.http(bytes)
        case .plugin: Self.plugin(bytes)
        case .monitor: Self.monitor(bytes)
        case .layer: Self.layer(bytes)
        }
    }

    private static let host = HostFacts(appArmor: false, seLinux: false)

    /// The value, which must be the same after it was written and read again.
    private static func read<Value: Codable & Equatable>(_ type: Value.Type, _ bytes: [UInt8]) -> Value? {
        do throws(PlanError) {
            let value = try JSONText.decode(type, bytes)
            let again = try? JSONText.decode(type, JSONText.encode(value))
            precondition(again == value, "what was written is read differently")
            return value
        } catch {
            precondition(!"\(error)".isEmpty, "an error without words")
            return nil
        }
    }

    private static func config(_ bytes: [UInt8]) {
        guard let spec = read(Spec.self, bytes) else { return }
        do throws(PlanError) {
            let plan = try ContainerPlan(spec: spec, bundle: "/bundle", host: host)
            precondition(isAbsolute(plan.rootfs), "a root that depends on the working directory")
            precondition(plan.mounts.allSatisfy { isAbsolute($0.destination) }, "a mount without a place")
            precondition(!plan.process.arguments.isEmpty, "nothing to execute")
        } catch {
            precondition(!"\(error)".isEmpty, "an error without words")
        }
    }

    /// To the kernel, which knows no characters.
    private static func isAbsolute(_ path: String) -> Bool { path.utf8.first == UInt8(ascii: "/") }

    private static func seccomp(_ bytes: [UInt8]) {
        guard let spec = read(LinuxSeccomp.self, bytes), let filter = try? SeccompFilter(spec) else { return }
        let machine = FilterMachine(program: filter.program)
        // Numbers at the edges, of x32 and beyond; architectures: x86-64, i386, arm64, none.
        for number: UInt32 in [0, 1, 59, 231, 335, 460, 1000, 0x4000_0000, 0x4000_0209, .max] {
            for architecture: UInt32 in [0xC000_003E, 0x4000_0003, 0xC000_00B7, 0] {
                for arguments: [UInt64] in [[], Array(repeating: .max, count: 6)] {
                    let answer = machine.answer(number: number, architecture: architecture, arguments: arguments)
                    precondition(answer != nil, "a program without an end")
                }
            }
        }
    }

    private static func process(_ bytes: [UInt8]) {
        guard let process = read(Process.self, bytes) else { return }
        do throws(PlanError) {
            let plan = try ProcessPlan(process, host: host)
            precondition(!plan.arguments.isEmpty, "nothing to execute")
        } catch {
            precondition(!"\(error)".isEmpty, "an error without words")
        }
    }

    private static func arguments(_ bytes: [UInt8]) {
        let words = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let values = ["root", "process p", "user u", "env e", "cwd", "preserve-fds"]
        let flags = ["detach d", "tty t", "force f", "version v"]
        let table = OptionTable(values.map { .value($0, "", "") } + flags.map { .flag($0, "") })
        for limit in 0...2 {
            var rest = words[...]
            guard let parsed = try? ParsedArguments(&rest, table, wordsUpTo: limit) else { continue }
            precondition(parsed.words.count <= limit, "more words than were asked for")
            precondition(parsed.words.count + rest.count <= words.count, "words out of nothing")
            precondition(words.suffix(rest.count) == rest, "the program's own words changed")
            _ = try? parsed.number("preserve-fds")
        }
    }

    /// The frames, up to the first error, are the same whatever the bytes are cut into.
    private static func spdy(_ bytes: [UInt8]) {
        func frames(by size: Int) -> [SPDYFrame] {
            var decoder = SPDYDecoder()
            var frames: [SPDYFrame] = []
            do throws(WireError) {
                for piece in pieces(bytes, of: size) {
                    decoder.feed(piece)
                    while let frame = try decoder.next() { frames.append(frame) }
                }
            } catch {
                precondition(!error.cause.isEmpty, "an error without words")
            }
            return frames.filter { if case .data = $0 { false } else { true } }
        }
        precondition(frames(by: 7) == frames(by: max(1, bytes.count)), "frames that depend on their pieces")
    }

    private static func websocket(_ bytes: [UInt8]) {
        for fromClient in [true, false] {
            var decoder = WebSocketDecoder(fromClient: fromClient)
            var total = 0
            do throws(WireError) {
                for piece in pieces(bytes, of: 11) {
                    decoder.feed(piece)
                    while let frame = try decoder.next() {
                        if case .piece(let bytes, _) = frame { total += bytes.count }
                        _ = frame.encoded(mask: [1, 2, 3, 4])
                    }
                }
            } catch {
                precondition(!error.cause.isEmpty, "an error without words")
            }
            precondition(total <= bytes.count, "bytes out of nothing")
        }
    }

    private static func http(_ bytes: [UInt8]) {
        var reader = HTTPHeadReader()
        do throws(WireError) {
            for piece in pieces(bytes, of: 5) {
                guard let (head, _) = try reader.read(piece) else { continue }
                var again = HTTPHeadReader()
                let same = try again.read(head.bytes)
                precondition(same?.head.line == head.line, "what was written is read differently")
                return
            }
        } catch {
            precondition(!error.cause.isEmpty, "an error without words")
        }
    }

    /// The messages, up to the first error, are the same whatever the bytes are cut into, and after they were written again.
    private static func plugin(_ bytes: [UInt8]) {
        func messages(_ bytes: [UInt8], by size: Int) -> [(PluginMessage.Channel, PluginMessage)] {
            var decoder = PluginDecoder()
            var messages: [(PluginMessage.Channel, PluginMessage)] = []
            do throws(WireError) {
                for piece in pieces(bytes, of: size) {
                    decoder.feed(piece)
                    while let next = try decoder.next() { messages.append(next) }
                }
            } catch {
                precondition(!error.cause.isEmpty, "an error without words")
            }
            return messages
        }
        let whole = messages(bytes, by: max(1, bytes.count))
        precondition(messages(bytes, by: 9).elementsEqual(whole, by: ==), "messages that depend on their pieces")
        let written = whole.flatMap { $1.frames(on: $0) }
        precondition(messages(written, by: 4096).elementsEqual(whole, by: ==), "messages that are read differently")
    }

    /// What is understood is the same after it was written and read again, where its version can say it.
    private static func monitor(_ bytes: [UInt8]) {
        let (number, version) = (MonitorRequest.number(of: bytes), MonitorRequest.version(of: bytes))
        if let request = try? MonitorRequest(decoding: bytes) {
            precondition(number != nil, "a request without a number")
            if let written = try? request.encoded(request: number ?? 0, version: version) {
                precondition((try? MonitorRequest(decoding: written)) == request, "a request that is read differently")
            }
        }
        if let message = try? MonitorMessage(decoding: bytes), let written = try? message.encoded(version: version) {
            precondition((try? MonitorMessage(decoding: written)) == message, "a message that is read differently")
        }
    }

    private static func pieces(_ bytes: [UInt8], of size: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
    }
}
