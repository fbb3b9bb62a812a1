// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CNI
import Testing

@Suite struct CNIResultTests {
    /// The same result in the form of each version.
    static let versions: [String] = [
        """
        { "cniVersion": "0.3.1",
          "interfaces": [ { "name": "cni0", "mac": "aa:00:00:00:00:01" },
                          { "name": "eth0", "mac": "aa:00:00:00:00:02", "sandbox": "/run/netns/x" } ],
          "ips": [ { "version": "4", "interface": 1, "address": "10.1.0.5/16", "gateway": "10.1.0.1" },
                   { "version": "6", "interface": 1, "address": "fd00::5/64", "gateway": "fd00::1" } ],
          "routes": [ { "dst": "0.0.0.0/0" } ], "dns": { "nameservers": ["10.1.0.1"], "search": ["a.b"] } }
        """,
        """
        { "cniVersion": "0.4.0",
          "interfaces": [ { "name": "cni0" }, { "name": "eth0", "sandbox": "/run/netns/x" } ],
          "ips": [ { "version": "4", "interface": 1, "address": "10.1.0.5/16", "gateway": "10.1.0.1" },
                   { "version": "6", "interface": 1, "address": "fd00::5/64" } ],
          "routes": [ { "dst": "0.0.0.0/0" } ], "dns": { "nameservers": ["10.1.0.1"], "search": ["a.b"] } }
        """,
        """
        { "cniVersion": "1.0.0",
          "interfaces": [ { "name": "cni0" }, { "name": "eth0", "sandbox": "/run/netns/x" } ],
          "ips": [ { "interface": 1, "address": "10.1.0.5/16" }, { "interface": 1, "address": "fd00::5/64" } ],
          "routes": [ { "dst": "0.0.0.0/0", "gw": "10.1.0.1" } ],
          "dns": { "nameservers": ["10.1.0.1"], "search": ["a.b"] } }
        """,
        """
        { "cniVersion": "1.1.0",
          "interfaces": [ { "name": "cni0", "mtu": 1500 },
                          { "name": "eth0", "mtu": 1500, "sandbox": "/run/netns/x", "pciID": "0000:01:00.0" } ],
          "ips": [ { "interface": 1, "address": "10.1.0.5/16" }, { "interface": 1, "address": "fd00::5/64" } ],
          "routes": [ { "dst": "0.0.0.0/0", "gw": "10.1.0.1", "mtu": 1400, "advmss": 1, "priority": 2, "table": 3,
                        "scope": 0 } ],
          "dns": { "nameservers": ["10.1.0.1"], "search": ["a.b"] } }
        """,
    ]

    @Test(arguments: versions)
    func resultsOfAllVersionsAreRead(_ text: String) throws {
        let result = try CNIResult(parsing: text.utf8)
        #expect(result.containerIPs == ["10.1.0.5", "fd00::5"])
        #expect(result.interfaces.map(\.name) == ["cni0", "eth0"])
        #expect(result.interfaces[1].sandbox == "/run/netns/x")
        #expect(result.routes.map(\.dst) == ["0.0.0.0/0"])
        #expect(result.dns.nameservers == ["10.1.0.1"])
        #expect(result.dns.search == ["a.b"])
        #expect(result.json == (try JSONValue(parsing: text.utf8)))
    }

    @Test func addressesOfTheHostAreNotTheContainers() throws {
        let text = """
            { "cniVersion": "1.0.0", "interfaces": [ { "name": "br" }, { "name": "eth0", "sandbox": "/n" } ],
              "ips": [ { "interface": 0, "address": "10.0.0.1/24" }, { "interface": 1, "address": "10.0.0.2/24" },
                       { "address": "10.0.0.3/24" } ] }
            """
        #expect(try CNIResult(parsing: text.utf8).containerIPs == ["10.0.0.2", "10.0.0.3"])
    }

    @Test func everythingIsOptional() throws {
        let result = try CNIResult(parsing: "{}".utf8)
        #expect(result.containerIPs.isEmpty)
        #expect(result.dns == .init())
    }

    static let badTexts: [(String, String)] = [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        (#"{ "cniVersion": "0.2.0" }"#, "cniVersion \"0.2.0\" is not supported"),
        (#"{ "ips": 3 }"#, "ips is of the wrong kind"),
        (#"{ "ips": [ {} ] }"#, "\"address\" is missing in ips.0"),
        (#"{ "ips": [ { "address": "10.0.0.1" } ] }"#, "address \"10.0.0.1\" is not in CIDR form"),
        (#"{ "ips": [ { "address": "10.0.0.1/x" } ] }"#, "not in CIDR form"),
        (#"{ "ips": [ { "address": "10.0.0.1/8", "interface": 0 } ] }"#, "interface 0, which is not in the result"),
    ]

    @Test(arguments: badTexts)
    func badResultsAreRefused(_ text: String, _ cause: String) {
        let error = #expect(throws: InvalidResult.self) { try CNIResult(parsing: text.utf8) }
        #expect(error?.cause.contains(cause) == true, "\(error?.cause ?? "")")
    }
}
