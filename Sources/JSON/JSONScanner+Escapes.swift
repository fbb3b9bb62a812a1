// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Escape sequences: `\n` and its like, and `\u` with four digits, UTF-16, of which two make up one character beyond the first 65,536.
extension JSONScanner {
    /// Moves behind one sequence.
    mutating func escape() throws(JSONError) {
        at += 1
        guard let letter = byte else { throw syntax("unexpected end") }
        at += 1
        guard letter == UInt8(ascii: "u") else {
            guard Self.character(letter) != nil else { throw syntax("unknown escape sequence") }
            return
        }
        let unit = try codeUnit()
        guard UTF16.isLeadSurrogate(unit) else {
            if UTF16.isTrailSurrogate(unit) { throw syntax("half of a character") }
            return
        }
        guard bytes[at...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else {
            throw syntax("half of a character")
        }
        at += 2
        guard UTF16.isTrailSurrogate(try codeUnit()) else { throw syntax("half of a character") }
    }

    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        guard let unit = Self.codeUnit(bytes[at...].prefix(4)) else {
            throw syntax("four hexadecimal digits are expected")
        }
        at += 4
        return unit
    }

    private static func codeUnit(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard digits.count == 4 else { return nil }
        var unit: UInt16 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt16(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt16(digit - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt16(digit - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return unit
    }

    private static func character(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "f"): 12
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "t"): 9
        default: nil
        }
    }

    /// The text behind the sequences of a string that was scanned.
    static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var units: [UInt16] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "u") {
                rest.removeFirst()
                units.append(codeUnit(rest.prefix(4)) ?? 0xFFFD)
                rest = rest.dropFirst(4)
                if UTF16.isLeadSurrogate(units[units.count - 1]) { continue }
                result += String(decoding: units, as: UTF16.self).utf8
                units = []
            } else if byte == UInt8(ascii: "\\"), let letter = rest.popFirst() {
                result.append(character(letter) ?? letter)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
