// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import CRIService

struct UserDatabaseTests {
    static let database = UserDatabase(
        passwd: """
            root:x:0:0:root:/root:/bin/sh
            # a remark
            broken:x:1
            nobody:x:65534:65534::/:/sbin/nologin
            app:x:1000:1001:App:/home/app:/bin/sh
            7:x:2000:2001::/:
            """,
        group: """
            root:x:0:
            app:x:1001:
            wheel:x:10:root,app
            audio:x:29:app
            bad:x:minus:app
            short
            nogroup:x:65533
            """)

    struct Row: Sendable, CustomTestStringConvertible {
        var request: UserDatabase.Request
        var uid: UInt32
        var gid: UInt32
        var groups: [UInt32]
        var testDescription: String { "\(request)" }

        init(_ request: UserDatabase.Request, _ uid: UInt32, _ gid: UInt32, _ groups: [UInt32]) {
            (self.request, self.uid, self.gid, self.groups) = (request, uid, gid, groups)
        }
    }

    @Test(arguments: [
        // The image's user, in all its forms.
        Row(.init(), 0, 0, [0, 10]), Row(.init(image: "app"), 1000, 1001, [10, 29, 1001]),
        Row(.init(image: "1000"), 1000, 1001, [10, 29, 1001]), Row(.init(image: "1234"), 1234, 0, [0]),
        Row(.init(image: "app:audio"), 1000, 29, [10, 29]), Row(.init(image: "app:50"), 1000, 50, [10, 29, 50]),
        Row(.init(image: "1234:audio"), 1234, 29, [29]), Row(.init(image: "1234:5678"), 1234, 5678, [5678]),
        Row(.init(image: ":audio"), 0, 29, [10, 29]), Row(.init(image: "app:"), 1000, 1001, [10, 29, 1001]),
        Row(.init(image: "7"), 2000, 2001, [2001]), Row(.init(image: "nobody:nogroup"), 65534, 65533, [65533]),
        // The request's.
        Row(.init(uid: 1000), 1000, 1001, [10, 29, 1001]), Row(.init(uid: 4321), 4321, 0, [0]),
        Row(.init(uid: 0, image: "app"), 0, 0, [0, 10]), Row(.init(uid: 4321, image: "app:audio"), 4321, 0, [0]),
        Row(.init(name: "app", image: "nobody"), 1000, 1001, [10, 29, 1001]),
        Row(.init(uid: 1000, gid: 5), 1000, 5, [5, 10, 29]), Row(.init(uid: 4321, gid: 5), 4321, 5, [5]),
        Row(.init(gid: 5, name: "app"), 1000, 5, [5, 10, 29]),
        Row(.init(uid: 4_294_967_294, gid: 4_294_967_294), 4_294_967_294, 4_294_967_294, [4_294_967_294]),
        // Supplemental groups: merged with the image's, or alone.
        Row(.init(uid: 1000, supplementalGroups: [7, 29]), 1000, 1001, [7, 10, 29, 1001]),
        Row(.init(uid: 1000, supplementalGroups: [7], mergesGroups: false), 1000, 1001, [7, 1001]),
        Row(.init(mergesGroups: false, image: "app"), 1000, 1001, [1001]),
        Row(.init(uid: 4321, supplementalGroups: [1234, 5678]), 4321, 0, [0, 1234, 5678]),
    ])
    func resolves(_ row: Row) throws {
        #expect(
            try Self.database.resolve(row.request)
                == UserDatabase.Identity(uid: row.uid, gid: row.gid, groups: row.groups))
    }

    @Test func anImageWithoutFilesHasNumbersOnly() throws {
        let empty = UserDatabase(passwd: "", group: "")
        #expect(try empty.resolve(.init()) == .init(uid: 0, gid: 0, groups: [0]))
        #expect(try empty.resolve(.init(image: "12:34")) == .init(uid: 12, gid: 34, groups: [34]))
        #expect(throws: ServiceError.self) { try empty.resolve(.init(image: "root")) }
    }

    @Test(
        arguments: [
            (.init(gid: 5), "set run_as_group: neither run_as_user nor run_as_username is set"),
            (.init(gid: 5, image: "app"), "set run_as_group: neither run_as_user nor run_as_username is set"),
            (.init(name: "ghost"), "find user \"ghost\": not in the image's /etc/passwd"),
            (.init(name: "app:audio"), "find user \"app:audio\": not in the image's /etc/passwd"),
            // A name is looked up, also when it looks like a number.
            (.init(name: "1234"), "find user \"1234\": not in the image's /etc/passwd"),
            (.init(name: "broken"), "find user \"broken\": not in the image's /etc/passwd"),
            (.init(image: "ghost"), "find user \"ghost\": not in the image's /etc/passwd"),
            (.init(image: "app:ghosts"), "find group \"ghosts\": not in the image's /etc/group"),
            (.init(image: "app:bad"), "find group \"bad\": not in the image's /etc/group"),
            (.init(image: "-1"), "read user \"-1\": want 0 to 4294967294"),
            (.init(uid: -1), "read run_as_user \"-1\": want 0 to 4294967294"),
            (.init(uid: 4_294_967_295), "read run_as_user \"4294967295\": want 0 to 4294967294"),
            (.init(uid: 1, gid: -5), "read run_as_group \"-5\": want 0 to 4294967294"),
            (.init(supplementalGroups: [1, -5]), "read supplemental_groups \"-5\": want 0 to 4294967294"),
        ] as [(UserDatabase.Request, String)])
    func refuses(request: UserDatabase.Request, text: String) {
        let error = #expect(throws: ServiceError.self) { try Self.database.resolve(request) }
        #expect(error?.code == .invalid && error?.description == text)
    }
}
