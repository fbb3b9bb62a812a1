// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// An image's `/etc/passwd` and `/etc/group`, see passwd(5) and group(5). Lines that are none are skipped.
package struct UserDatabase: Sendable {
    struct Account: Sendable {
        var name: String
        var uid: UInt32
        var gid: UInt32
    }

    struct Group: Sendable {
        var name: String
        var gid: UInt32
        var members: [String]
    }

    let accounts: [Account]
    let groups: [Group]

    /// Parses the two texts; an absent file is "".
    package init(passwd: String, group: String) {
        accounts = Self.fields(passwd, count: 4).compactMap { fields in
            guard let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
            return Account(name: fields[0], uid: uid, gid: gid)
        }
        groups = Self.fields(group, count: 3).compactMap { fields in
            guard let gid = UInt32(fields[2]) else { return nil }
            let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            return Group(name: fields[0], gid: gid, members: members)
        }
    }

    private static func fields(_ text: String, count: Int) -> [[String]] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            return fields.count >= count && !fields[0].isEmpty ? fields : nil
        }
    }

    /// What a request and an image say about the identity of the process.
    package struct Request: Hashable, Sendable {
        package var uid: Int64?
        package var gid: Int64?
        package var name: String
        package var supplementalGroups: [Int64]
        /// Whether groups that the image lists for the user count too.
        package var mergesGroups: Bool
        /// The image's `User`.
        package var image: String

        package init(
            uid: Int64? = nil, gid: Int64? = nil, name: String = "", supplementalGroups: [Int64] = [],
            mergesGroups: Bool = true, image: String = ""
        ) {
            self.uid = uid
            self.gid = gid
            self.name = name
            self.supplementalGroups = supplementalGroups
            self.mergesGroups = mergesGroups
            self.image = image
        }
    }

    /// The identity in numbers.
    package struct Identity: Hashable, Sendable, Codable {
        package var uid: UInt32
        package var gid: UInt32
        /// Sorted, with the primary group, as the kernel's credentials of a login have it.
        package var groups: [UInt32]

        package init(uid: UInt32, gid: UInt32, groups: [UInt32]) {
            self.uid = uid
            self.gid = gid
            self.groups = groups
        }
    }

    /// The request's user id, else its user name, else the image's `user[:group]`, else root. A name must be in the
    /// image; a number need not. The group is the request's, else the one named beside the user, else the account's,
    /// else 0.
    package func resolve(_ request: Request) throws(ServiceError) -> Identity {
        if request.gid != nil && request.uid == nil && request.name.isEmpty {
            throw ServiceError(.invalid, "set run_as_group", nil, "neither run_as_user nor run_as_username is set")
        }
        var group = ""
        let found: (uid: UInt32, account: Account?)
        if let number = request.uid {
            let uid = try Self.id(number, "run_as_user")
            found = (uid, accounts.first { $0.uid == uid })
        } else if !request.name.isEmpty {
            found = try find(name: request.name)
        } else {
            let parts = request.image.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let user = parts.first.map(String.init) ?? ""
            group = parts.count > 1 ? String(parts[1]) : ""
            found = try find(user: user.isEmpty ? "0" : user)
        }
        let (uid, account) = found
        var gid = account?.gid ?? 0
        if !group.isEmpty { gid = try find(group: group) }
        if let requested = request.gid { gid = try Self.id(requested, "run_as_group") }

        var all: Set<UInt32> = [gid]
        for number in request.supplementalGroups { all.insert(try Self.id(number, "supplemental_groups")) }
        if request.mergesGroups, let account {
            all.formUnion(groups.filter { $0.members.contains(account.name) }.map(\.gid))
        }
        return Identity(uid: uid, gid: gid, groups: all.sorted())
    }

    private func find(name: String) throws(ServiceError) -> (UInt32, Account?) {
        guard let account = accounts.first(where: { $0.name == name }) else {
            throw ServiceError(.invalid, "find user", name, "not in the image's /etc/passwd")
        }
        return (account.uid, account)
    }

    private func find(user: String) throws(ServiceError) -> (UInt32, Account?) {
        // A name of digits is a name first, as useradd(8) would not make one and chown(1) looks it up so.
        if let account = accounts.first(where: { $0.name == user }) { return (account.uid, account) }
        guard let number = Int64(user) else { return try find(name: user) }
        let uid = try Self.id(number, "user")
        return (uid, accounts.first { $0.uid == uid })
    }

    private func find(group: String) throws(ServiceError) -> UInt32 {
        if let entry = groups.first(where: { $0.name == group }) { return entry.gid }
        guard let number = Int64(group) else {
            throw ServiceError(.invalid, "find group", group, "not in the image's /etc/group")
        }
        return try Self.id(number, "group")
    }

    private static func id(_ number: Int64, _ what: String) throws(ServiceError) -> UInt32 {
        // The last number is (uid_t)-1, which system calls take for "leave as it is".
        guard number >= 0, number < Int64(UInt32.max) else {
            throw ServiceError(.invalid, "read \(what)", "\(number)", "want 0 to 4294967294")
        }
        return UInt32(number)
    }
}
