// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIImageSpec
import Testing

/// What strangers name things must not reach a terminal or a log as it is.
@Suite struct MessageTests {
    @Test(arguments: [
        ("plain/name:1", #""plain/name:1""#), ("naïve café 東京", #""naïve café 東京""#),
        ("a\"b\\c", #""a\"b\\c""#), ("two\nlines\tand\u{1B}[2J", #""two\nlines\tand\u{1B}[2J""#),
        ("\u{7F}\u{9B}31m", #""\u{7F}\u{009B}31m""#), ("evil\u{202E}gpj", #""evil\u{202E}gpj""#),
        ("\u{2028}\u{2029}\u{FEFF}", #""\u{2028}\u{2029}\u{FEFF}""#),
    ]) func textsAreQuotedOnOneLine(text: String, quoted: String) {
        #expect(QuotedText.line(text) == quoted)
        #expect(ImageSpecError(.invalid, "parse", text, "no").description == "parse \(quoted): no")
    }

    @Test func longTextsAreCut() {
        #expect(QuotedText.line(String(repeating: "x", count: 300)).utf8.count == 302)
        #expect(
            QuotedText.line(String(repeating: "x", count: 301)) == "\"" + String(repeating: "x", count: 300)
                + "...\"")
    }
}
