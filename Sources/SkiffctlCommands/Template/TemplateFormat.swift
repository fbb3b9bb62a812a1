// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// `printf` in templates: `%s %v %q %d %t %x %f %%` with the flags `-` and `0`, a width and a precision.
enum TemplateFormat {
    private struct Verb {
        var isLeft = false
        var hasZeros = false
        var hasSign = false
        var width = 0
        var precision: Int?
        var letter: Character = "v"
    }

    static func text(_ arguments: [JSON]) throws(CommandError) -> String {
        guard case .string(let format)? = arguments.first else { throw TemplateRun.failure("printf without a format") }
        var values = arguments.dropFirst()
        var result = ""
        var rest = format[...]
        while let next = rest.popFirst() {
            guard next == "%" else {
                result.append(next)
                continue
            }
            let verb = try verb(&rest)
            if verb.letter == "%" {
                result += "%"
            } else {
                guard let value = values.popFirst() else { throw TemplateRun.failure("printf has too few values") }
                result += padded(try text(value, verb), verb)
            }
        }
        guard values.isEmpty else { throw TemplateRun.failure("printf has too many values") }
        return result
    }

    private static func verb(_ rest: inout Substring) throws(CommandError) -> Verb {
        var verb = Verb()
        while let flag = rest.first, flag == "-" || flag == "0" || flag == "+" {
            switch flag {
            case "-": verb.isLeft = true
            case "0": verb.hasZeros = true
            default: verb.hasSign = true
            }
            rest = rest.dropFirst()
        }
        verb.width = number(&rest) ?? 0
        if rest.first == "." {
            rest = rest.dropFirst()
            verb.precision = number(&rest) ?? 0
        }
        guard verb.width <= 10_000, verb.precision ?? 0 <= 100, let letter = rest.popFirst(),
            "svqdtxf%".contains(letter)
        else { throw TemplateRun.failure("printf knows %s %v %q %d %t %x %f and %%") }
        verb.letter = letter
        return verb
    }

    private static func number(_ rest: inout Substring) -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        return Int(digits)
    }

    private static func text(_ value: JSON, _ verb: Verb) throws(CommandError) -> String {
        let shown = TemplateFunctions.shown(value)
        switch (verb.letter, value) {
        case ("v", _): return shown
        case ("s", _): return verb.precision.map { String(shown.prefix($0)) } ?? shown
        case ("q", .string(let text)): return JSON.string(text).line
        case ("q", _): return JSON.string(shown).line
        case ("t", .bool): return shown
        case ("d", .number(let text)) where Int64(text) != nil: return signed(text, verb)
        case ("x", .number(let text)):
            if let number = Int64(text) { return signed(String(number, radix: 16), verb) }
        case ("x", .string(let text)):
            return text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        case ("f", .number(let text)):
            if let number = Double(text), let digits = fixed(number, verb.precision ?? 6) {
                return signed(digits, verb)
            }
        default: break
        }
        throw TemplateRun.failure("printf %\(verb.letter) of \(shown)")
    }

    private static func signed(_ digits: String, _ verb: Verb) -> String {
        verb.hasSign && !digits.hasPrefix("-") ? "+" + digits : digits
    }

    /// Nil when it has more digits than a number of 64 bits.
    private static func fixed(_ number: Double, _ places: Int) -> String? {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = (number.magnitude * scale).rounded(.toNearestOrEven)
        guard scaled < 1e18 else { return nil }
        let digits = String(Int64(scaled))
        let full = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let sign = number < 0 && scaled > 0 ? "-" : ""
        return sign + full.dropLast(places) + (places == 0 ? "" : "." + full.suffix(places))
    }

    private static func padded(_ text: String, _ verb: Verb) -> String {
        let missing = max(0, verb.width - text.count)
        if verb.isLeft { return text + String(repeating: " ", count: missing) }
        guard verb.hasZeros else { return String(repeating: " ", count: missing) + text }
        // Zeros stand behind the sign.
        let sign = text.prefix { $0 == "-" || $0 == "+" }
        return sign + String(repeating: "0", count: missing) + text.dropFirst(sign.count)
    }
}
