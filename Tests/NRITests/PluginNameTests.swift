// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import NRI

@Suite struct PluginNameTests {
    @Test func namesOfPlugins() throws {
        #expect(PluginName(file: "10-a.b_c+d-e")?.description == "10-a.b_c+d-e")
        for wrong in ["", "10", "10-", "1-a", "a0-b", "100-a", "10-a b", "10-ä", "-10-a"] {
            #expect(PluginName(file: wrong) == nil, "\(wrong)")
        }
        let names = try ["10-b", "05-z", "10-a"].map { try #require(PluginName(file: $0)) }
        #expect(names.sorted().map(\.description) == ["05-z", "10-a", "10-b"])
    }
}
