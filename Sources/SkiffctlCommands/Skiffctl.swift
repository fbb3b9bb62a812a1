// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import ArgumentParser
internal import EngineConfiguration
internal import Linux

/// The client of the engine on the command line. It speaks only the Container Runtime Interface.
package struct Skiffctl: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "skiffctl",
        abstract: "Client for the Container Runtime Interface, with the commands and options of crictl.",
        usage: "skiffctl [<global options>] <command> [<options>]",
        discussion: """
            Options for all commands may stand before or after the command:
              -r, --runtime-endpoint   socket of the runtime service
              -i, --image-endpoint     socket of the image service
              -t, --timeout            time limit of one request, such as 10s
              -D, --debug              print each request with its time
              -c, --config             settings file (default: /etc/crictl.yaml)
                  --enable-tracing     send spans to --tracing-endpoint (default: 127.0.0.1:4317)
            Their short forms only stand before it.
            """,
        version: "skiffctl version \(EngineVersion.number)",
        subcommands: [
            Version.self, Info.self, RuntimeConfig.self, UpdateRuntimeConfig.self, Config.self, Completion.self,
            RunPod.self, StopPods.self, RemovePods.self, ListPods.self, InspectPods.self,
            CreateContainer.self, StartContainers.self, StopContainers.self, RemoveContainers.self,
            ListContainers.self, InspectContainers.self, Exec.self, Attach.self, Logs.self, ReopenLogs.self,
            RunContainer.self, PortForward.self, UpdateContainers.self, Checkpoint.self, ContainerStats.self,
            PodStats.self, Top.self, Events.self, PodMetrics.self, MetricDescriptors.self,
            PullImage.self, ListImages.self, InspectImages.self, RemoveImages.self, ImageFilesystems.self,
        ])

    package init() {}

    /// Every command has its name in its configuration: to make it from the type's takes every start of the program a search
    /// through all conformances.
    private static var commandNames: Set<String> {
        Set(
            configuration.subcommands.flatMap { command in
                [command.configuration.commandName].compactMap { $0 } + command.configuration.aliases
            })
    }

    /// Runs the command of the process's arguments; ends the process when it fails.
    package static func main() async {
        do {
            let given = Array(CommandLine.arguments.dropFirst())
            let arguments = GlobalArguments.behindCommand(given, of: commandNames)
            if let word = arguments.first, !word.hasPrefix("-"), word != "help", !commandNames.contains(word) {
                throw ValidationError("There is no command \"\(word)\".")
            }
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as CommandError {
            Console.report(error)
            exit(withError: ExitCode.failure)
        } catch let error as SystemError where error.errno == .EPIPE {
            // Who read the output has enough. As if SIGPIPE had come, which is ignored for the sake of sockets.
            exit(withError: ExitCode(128 + 13))
        } catch let error as SystemError {
            Console.report(error)
            exit(withError: ExitCode.failure)
        } catch {
            end(with: error)
        }
    }

    /// Help, or what is wrong with the arguments.
    private static func end(with error: any Error) -> Never {
        let (code, text) = (exitCode(for: error), ShortUsage.of(fullMessage(for: error, columns: nil)))
        // Whoever reads neither has nothing to read it with.
        if !text.isEmpty { try? Console.write(Array(text.utf8) + [10], to: code.isSuccess ? 1 : 2) }
        exit(withError: code)
    }
}
