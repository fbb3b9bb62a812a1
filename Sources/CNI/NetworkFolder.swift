// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The networks of a machine: the configurations in one folder, in lexical order of the files' names.
package struct NetworkFolder: Sendable {
    /// The folder.
    package let path: String
    /// The valid ones.
    package let networks: [NetworkList]
    /// What is wrong with the others, or with the folder.
    package let problems: [CNIError]

    /// Reads `*.conflist`, `*.conf` and `*.json`. Never throws: a malformed file must not take the others away.
    package init(reading path: String) {
        self.path = path
        var networks: [NetworkList] = []
        var problems: [CNIError] = []
        do throws(Errno) {
            for name in try Syscall.entries(path).sorted() where Self.isConfiguration(name) {
                do throws(CNIError) {
                    networks.append(try Self.read("\(path)/\(name)"))
                } catch {
                    problems.append(error)
                }
            }
        } catch {
            problems.append(CNIError(.noConfiguration, "read network configurations", path, "\(error)"))
        }
        self.networks = networks
        self.problems = problems
    }

    /// The network of that name, or with "" the first valid one. Throws why there is none; what is wrong with files is
    /// then part of the cause.
    package func network(named name: String = "") throws(CNIError) -> NetworkList {
        if let network = networks.first(where: { name.isEmpty || $0.name == name }) { return network }
        if networks.isEmpty, let only = problems.first, problems.count == 1 { throw only }
        let wanted = name.isEmpty ? "no network configuration" : "no network \"\(name)\""
        let reasons = problems.map { "; \($0)" }.joined()
        throw CNIError(.noConfiguration, "read network configurations", path, wanted + reasons)
    }

    private static func isConfiguration(_ name: String) -> Bool {
        !name.hasPrefix(".") && [".conflist", ".conf", ".json"].contains { name.hasSuffix($0) }
    }

    private static func read(_ file: String) throws(CNIError) -> NetworkList {
        let text: [UInt8]
        do throws(Errno) {
            text = try Syscall.readFile(file, limit: 1 << 20)
        } catch {
            throw CNIError(.invalidConfiguration, "read network configuration", file, "\(error)")
        }
        return try NetworkList(parsing: text, file: file)
    }
}
