// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct ImageFilesystems: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "imagefsinfo", abstract: "Print the space that images and containers use.")

    @OptionGroup var document: DocumentOptions
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let response = try await engine.call("measure images") {
            try await engine.images.imageFsInfo(Runtime_V1_ImageFsInfoRequest(), options: $0)
        }
        if document.output != .table {
            let status = try ProtoJSON.value(response, shape: Shapes.imageFsInfo)
            return try document.print([.object(["status": status])])
        }
        try printTable(response)
    }

    private func printTable(_ response: Runtime_V1_ImageFsInfoResponse) throws {
        var table = Table(["FILESYSTEM", "USED", "INODES", "USED BY"])
        for (user, systems) in [("images", response.imageFilesystems), ("containers", response.containerFilesystems)] {
            for system in systems {
                table.append([
                    system.fsID.mountpoint, HumanUnits.size(system.usedBytes.value),
                    String(system.inodesUsed.value), user,
                ])
            }
        }
        try table.print()
    }
}
