// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageSources
internal import OCIImageSpec
internal import Registry

struct ListTags: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list-tags", abstract: "List the tags that a repository has in its registry.")

    @OptionGroup var options: SourceOptions
    @Flag(help: "Print JSON.")
    var json = false
    @Argument(help: ArgumentHelp("The repository, with or without docker://.", valueName: "REPOSITORY"))
    var repository: String

    private struct Outcome: Encodable {
        var repository: String
        var tags: [String]
    }

    func run() async throws {
        let name = repository.hasPrefix("docker://") ? String(repository.dropFirst("docker://".count)) : repository
        let reference = try Reference(parsing: name)
        let tags = try await options.sources().tags(reference, credentials: options.credentials())
        if json { return try Output.json(Outcome(repository: reference.repository, tags: tags)) }
        for tag in tags { Output.line(tag) }
    }
}
