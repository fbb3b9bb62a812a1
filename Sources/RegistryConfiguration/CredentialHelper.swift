// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux
internal import OCIImageSpec

/// A program that keeps credentials: `docker-credential-NAME get`, which reads the registry on its standard input and
/// writes `{"Username": ..., "Secret": ...}`. Source: docker-credential-helpers, README.
struct CredentialHelper {
    /// What stands in place of a user when the secret is an identity token.
    private static let tokenUser = "<token>"

    let name: String
    /// The caller's environment: helpers find their configuration by it, and are found by its PATH.
    let environment: [String: String]
    /// How long it may take before it is killed.
    let timeout: Duration

    /// The credentials it has for the registry, or nil. Blocks.
    func credentials(_ domain: String) throws(RegistryConfigurationError) -> RegistryCredentials? {
        guard !name.contains("/"), !name.isEmpty else { throw fault("it is not the name of a helper") }
        // Docker's clients store Docker Hub by this name.
        let names = domain == "docker.io" ? ["https://index.docker.io/v1/", domain] : [domain]
        for name in names {
            if let found = try ask(name) { return found }
        }
        return nil
    }

    private func ask(_ server: String) throws(RegistryConfigurationError) -> RegistryCredentials? {
        struct Answer: Decodable {
            var username: String?
            var secret: String?

            enum CodingKeys: String, CodingKey {
                case username = "Username"
                case secret = "Secret"
            }
        }
        let program = "docker-credential-\(name)"
        guard let path = ChildPlan.find(program, path: environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin") else {
            throw fault("there is no program \"\(program)\" on PATH")
        }
        let plan = ChildPlan(path, [program, "get"], environment: environment.map { "\($0.key)=\($0.value)" })
        let output: CommandOutput
        do throws(Errno) {
            output = try CommandOutput.run(
                plan, input: Array("\(server)\n".utf8), limit: 1 << 20,
                timeoutMilliseconds: Int32(clamping: timeout.components.seconds * 1000))
        } catch {
            throw fault("cannot run \"\(path)\": \(error)")
        }
        guard !output.timedOut else { throw fault("\"\(path)\" took longer than \(timeout)") }
        guard output.status == .exited(0) else {
            let words = (output.outputText + output.errorText).lowercased()
            // The protocol has no other way to say that there are none.
            if words.contains("credentials not found") || words.contains("no credentials server url") { return nil }
            let line = (output.errorText + output.outputText).split(separator: "\n").first ?? ""
            throw fault("\"\(path)\" ended with \(output.status): \(line.prefix(200))")
        }
        // Its output is secret, also when it is wrong.
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(output.output)),
            let secret = answer.secret, !secret.isEmpty
        else { throw fault("\"\(path)\" wrote no credentials") }
        let user = answer.username ?? ""
        return user == Self.tokenUser || user.isEmpty ? .identityToken(secret) : .password(user: user, password: secret)
    }

    private func fault(_ reason: String) -> RegistryConfigurationError {
        RegistryConfigurationError(.unusable, "ask credential helper", name, reason)
    }
}
