// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import Streaming

/// Options of the commands that connect to the streaming server.
struct StreamingOptions: ParsableArguments {
    @Option(name: [.customShort("r"), .customLong("transport")], help: "Protocol of the streams: spdy or websocket.")
    var transport = StreamTransport.spdy
    @Option(
        name: [.customLong("tls-server-name"), .customLong("tls-sni")],
        help: "Name in the server's certificate, if its address is not in it.")
    var serverName: String?
    @Option(name: .customLong("tls-ca"), help: "File with the authorities that the server's certificate may be by.")
    var authorities: String?
    @Option(name: .customLong("tls-cert"), help: "File with a certificate to show to the server.")
    var certificate: String?
    @Option(name: .customLong("tls-key"), help: "File with the key of that certificate.")
    var key: String?
    @Flag(name: .customLong("tls-insecure"), help: "Take any certificate of the server.")
    var isInsecure = false

    func validate() throws {
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("Give both --tls-cert and --tls-key, or neither.")
        }
        if isInsecure, authorities != nil || serverName != nil {
            throw ValidationError("With --tls-insecure there is no authority and no name to look for.")
        }
    }

    var trust: ServerTrust {
        ServerTrust(
            authorities: authorities, certificate: certificate, key: key, serverName: serverName,
            isVerified: !isInsecure)
    }
}

extension StreamTransport: ExpressibleByArgument {}
