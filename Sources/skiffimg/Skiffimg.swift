// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import Dispatch
internal import EngineConfiguration
internal import Glibc

/// The image tool: works on the store without a daemon, and beside one.
@main
struct Skiffimg: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skiffimg", abstract: "Pull, push, copy, inspect and unpack container images.",
        discussion: """
            REF is a name such as busybox or registry.example/app:1.2 (first in the store, then in its registry), or one \
            with a transport: docker://NAME, store:NAME, oci:DIR[:TAG], oci-archive:FILE[:TAG], \
            docker-archive:FILE[:NAME], dir:DIR.
            """,
        version: "skiffimg version \(EngineVersion.number)",
        // Each has its name in its configuration: to make it from the type's takes every start of the program a search
        // through all conformances.
        subcommands: [
            Pull.self, Push.self, Copy.self, Inspect.self, Config.self, Manifest.self, List.self, ListTags.self,
            Tag.self, Remove.self, Unpack.self, Mount.self, Umount.self, Diff.self, History.self, Check.self,
            GarbageCollection.self, Save.self, Load.self,
        ])

    static func main() async {
        let work = Task { try await parseAndRun() }
        // A pull that is interrupted cleans up behind itself.
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { work.cancel() }
            source.resume()
            return source
        }
        do {
            try await work.value
        } catch is CancellationError {
            fail("interrupted", status: 130)
        } catch let error where exitCode(for: error) != .failure {
            // Help, or words that are no command.
            exit(withError: error)
        } catch {
            fail("\(error)", status: 1)
        }
        withExtendedLifetime(signals) {}
    }

    private static func parseAndRun() async throws {
        var command: any ParsableCommand
        do {
            command = try parseAsRoot()
        } catch {
            exit(withError: error)
        }
        if var asynchronous = command as? any AsyncParsableCommand {
            try await asynchronous.run()
        } else {
            try command.run()
        }
    }

    private static func fail(_ text: String, status: Int32) -> Never {
        Output.error("skiffimg: \(text)")
        Glibc::exit(status)
    }
}
