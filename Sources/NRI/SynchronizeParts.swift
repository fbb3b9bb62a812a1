// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NRIAPI
internal import SwiftProtobuf

/// What is there, in as many messages as it takes.
enum SynchronizeParts {
    /// Well below the longest payload, for the message around it.
    static let maximumSize = 3 << 20

    /// At least one part; each but the last says that more follows.
    static func split(_ inventory: PluginInventory, maximumSize: Int = maximumSize) -> [NRISynchronizeRequest] {
        var parts = [NRISynchronizeRequest()]
        var size = 0
        func add(_ item: some Message, _ append: (inout NRISynchronizeRequest) -> Void) {
            let bytes: [UInt8] = (try? item.serializedBytes()) ?? []
            if size > 0, size + bytes.count > maximumSize {
                parts[parts.count - 1].more = true
                parts.append(NRISynchronizeRequest())
                size = 0
            }
            append(&parts[parts.count - 1])
            size += bytes.count
        }
        for pod in inventory.pods { add(pod) { $0.pods.append(pod) } }
        for container in inventory.containers { add(container) { $0.containers.append(container) } }
        return parts
    }
}
