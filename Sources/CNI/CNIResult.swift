// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What ADD achieved. Section 5 of the CNI specification; 0.3.x, 0.4.0, 1.0.0 and 1.1.0 differ only in members that are
/// optional here.
package struct CNIResult: Sendable, Equatable {
    /// Interfaces made, those of the container and those of the host.
    package var interfaces: [Interface] = []
    /// Addresses given.
    package var ips: [Address] = []
    /// Routes made in the container.
    package var routes: [Route] = []
    /// Name servers to be used in the container.
    package var dns = DNS()
    /// The result as it came, for `prevResult`.
    package let json: JSONValue

    /// An interface.
    package struct Interface: Sendable, Equatable, Decodable {
        /// Its name where it lives.
        package var name: String
        /// Its hardware address.
        package var mac: String?
        /// Its MTU (from 1.1.0 on).
        package var mtu: Int?
        /// The network namespace that it is in; nil or "" for the host's.
        package var sandbox: String?
    }

    /// An address with the length of its prefix.
    package struct Address: Sendable, Equatable, Decodable {
        /// In CIDR form: `10.1.2.3/24`.
        package var address: String
        /// The default gateway of its subnet.
        package var gateway: String?
        /// The index in `interfaces` of the interface that has it.
        package var interface: Int?

        /// The address without the prefix's length.
        package var ip: String { String(address.prefix { $0 != "/" }) }
    }

    /// A route.
    package struct Route: Sendable, Equatable, Decodable {
        /// The destination in CIDR form.
        package var dst: String
        /// The next hop.
        package var gw: String?
    }

    /// What goes into resolv.conf.
    package struct DNS: Sendable, Equatable, Decodable {
        /// Addresses of servers in order.
        package var nameservers: [String]?
        /// The local domain.
        package var domain: String?
        /// Domains searched.
        package var search: [String]?
        /// Options of the resolver.
        package var options: [String]?

        /// Nothing known.
        package init() {}
    }

    /// The addresses of the container in the order given: those of interfaces in a namespace, and those whose interface
    /// is not told.
    package var containerIPs: [String] {
        ips.filter { ip in
            guard let index = ip.interface, interfaces.indices.contains(index) else { return true }
            return interfaces[index].sandbox?.isEmpty == false
        }.map(\.ip)
    }
}
