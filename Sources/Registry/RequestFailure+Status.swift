// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1
internal import OCIImageSpec

extension RequestFailure {
    /// The failure that an answer with an error status stands for.
    init(status: HTTPResponseStatus, headers: HTTPHeaders, body: [UInt8], now: Int64) {
        let code: RegistryError.Code
        switch status.code {
        case 401: code = .unauthorized
        case 403: code = .denied
        case 404: code = .notFound
        case 429: code = .limited
        case 408, 500...599: code = .unavailable
        default: code = .invalid
        }
        self.init(code, "\(status.code) \(plain(status.reasonPhrase))")
        // 501 and 505 will be the same next time.
        if [408, 429, 500, 502, 503, 504].contains(status.code) {
            retry = .later(atLeast: retryAfter(headers.first(name: "retry-after"), now: now))
        }
        self.status = Int(status.code)
        self.details = Self.details(body)
    }

    /// Reads `{"errors": [{"code": ..., "message": ...}]}`; anything else is no details.
    private static func details(_ body: [UInt8]) -> [RegistryError.Detail] {
        struct Answer: Decodable {
            struct Entry: Decodable {
                var code: String?
                var message: String?
            }
            var errors: [Entry]?
            // The token server of Docker Hub writes this instead.
            var details: String?
        }
        // An unreadable body tells nothing more than the status does.
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else { return [] }
        let entries = answer.errors?.prefix(3).map { ($0.code ?? "", $0.message ?? "") } ?? []
        let words = answer.details.map { [("DETAILS", $0)] } ?? []
        return (entries + words).map { RegistryError.Detail(code: plain($0.0), message: plain($0.1)) }
    }
}

/// A text from outside as part of one line: what would move or hide text becomes spaces, the end is cut.
func plain(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(200).map { QuotedText.moves($0) ? " " : $0 }))
}
