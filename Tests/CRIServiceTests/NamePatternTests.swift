// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import CRIService

struct NamePatternTests {
    @Test(arguments: [
        ("sda", "sda", true), ("sda", "sdab", false), ("sd?", "sda", true), ("sd?", "sd", false), ("*", "", true),
        ("*", "x", true), ("sd*", "sda1", true), ("sd*", "vda", false), ("*a*b*c", "aabbcc", true),
        ("*a*b*c", "aabbccd", false), ("*ab", "aab", true), ("sd[a-c]", "sdb", true), ("sd[a-c]", "sdd", false),
        ("sd[!a-c]", "sdd", true), ("sd[!a-c]", "sda", false), ("sd[^a]", "sdb", true), ("sd[]x]", "sd]", true),
        ("sd[a-]", "sd-", true), ("sd[z-a]", "sdm", false), ("sd[a", "sd[a", true), ("sd[", "sd[", true),
        ("a\\*", "a*", true), ("a\\*", "ab", false), ("a\\", "a\\", true), ("", "", true), ("", "a", false),
        ("nvme[0-9]*n[0-9]*", "nvme10n1", true), ("nvme[0-9]*n[0-9]*", "nvme10", false), ("a**", "a", true),
    ])
    func aName(pattern: String, name: String, fits: Bool) {
        #expect(NamePattern(pattern).matches(name) == fits)
    }
}
