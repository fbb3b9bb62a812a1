// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Testing

/// Everything that `hack/fuzz` started from or ever found, through the same entries.
@Suite("fuzzing corpus")
struct CorpusTests {
    @Test(arguments: FuzzEntry.allCases)
    func entryTakesAnything(_ entry: FuzzEntry) throws {
        let directory = "\(Self.corpus)/\(entry.rawValue)"
        let names = try Syscall.entries(directory)
        #expect(names.count >= 5)
        for name in names {
            let bytes = try Syscall.readFile("\(directory)/\(name)")
            entry.run(bytes)
            // Half of a file is what a full disk leaves.
            entry.run(Array(bytes.prefix(bytes.count / 2)))
        }
        entry.run([])
    }

    private static let corpus: String = {
        let file: StaticString = #filePath
        return file.description.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/corpus"
    }()
}
