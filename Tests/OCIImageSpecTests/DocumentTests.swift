// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import OCIImageSpec
import Testing

private let digest = "sha256:" + String(repeating: "ab", count: 32)
private let config = #"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(digest)","size":7}"#

@Suite struct DocumentTests {
    private func manifest(_ text: String, _ type: MediaType? = nil) throws -> FetchedManifest {
        try FetchedManifest(bytes: Array(text.utf8), statedType: type, subject: "x")
    }

    @Test func readsManifest() throws {
        let text = """
            {"schemaVersion":2,"config":\(config),"layers":[{"mediaType":
            "application/vnd.oci.image.layer.v1.tar+gzip","digest":"\(digest)","size":9,"annotations":{"a":"b"}}]}
            """
        let fetched = try manifest(text, .imageManifest)
        #expect(fetched.digest == Digest(of: Array(text.utf8)))
        #expect(fetched.descriptor.size == Int64(text.utf8.count))
        guard case .manifest(let parsed) = try fetched.document() else {
            Issue.record("not a manifest")
            return
        }
        #expect(parsed.config.mediaType.kind == .config)
        #expect(parsed.layers.map(\.size) == [9])
        #expect(parsed.layers[0].mediaType.kind == .layer(.gzip))
        #expect(parsed.layers[0].annotations == ["a": "b"])
    }

    @Test(
        arguments: [
            (.imageManifest, .imageManifest), (nil, .imageManifest),
            (MediaType(header: "text/plain; charset=utf-8"), .imageManifest), (.dockerManifest, .dockerManifest),
        ] as [(MediaType?, MediaType)])
    func settlesTypeByShape(_ stated: MediaType?, _ settled: MediaType) throws {
        #expect(try manifest(#"{"schemaVersion":2,"config":\#(config),"layers":null}"#, stated).mediaType == settled)
    }

    @Test func readsManifestList() throws {
        let text = """
            {"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[
            {"mediaType":"application/vnd.docker.distribution.manifest.v2+json","digest":"\(digest)","size":1,
            "platform":{"architecture":"arm","os":"linux","variant":"v7","os.version":"1","os.features":["f"]}}]}
            """
        guard case .index(let index) = try manifest(text, .dockerManifestList).document() else {
            Issue.record("not an index")
            return
        }
        let platform = Platform(
            os: "linux", architecture: "arm", variant: "v7", osVersion: "1", osFeatures: ["f"])
        #expect(index.manifests.map(\.platform) == [platform])
    }

    @Test(
        arguments: [
            ("", nil, ImageSpecError.Code.invalid, "not valid JSON"),
            ("[]", nil, .invalid, " has the wrong type"),
            ("{", nil, .invalid, "not valid JSON"),
            ("{}", nil, .invalid, "it is neither manifest nor index"),
            (#"{"manifests":[],"layers":[]}"#, nil, .invalid, "it is both manifest and index"),
            (#"{"schemaVersion":2,"manifests":[]}"#, .imageManifest, .invalid, "its fields do not fit its type"),
            (#"{"schemaVersion":2,"layers":[]}"#, .imageIndex, .invalid, "its fields do not fit its type"),
            (
                #"{"layers":[],"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#, .dockerManifest, .invalid,
                "served as"
            ),
            (#"{"schemaVersion":1,"fsLayers":[]}"#, nil, .unsupported, "schema 1"),
            (#"{"schemaVersion":2,"layers":[]}"#, .dockerSchema1Signed, .unsupported, "schema 1"),
            (#"{"mediaType":"application/x","layers":[]}"#, nil, .unsupported, "\"application/x\" is not supported"),
        ] as [(String, MediaType?, ImageSpecError.Code, String)])
    func refusesShape(_ text: String, _ type: MediaType?, _ code: ImageSpecError.Code, _ reason: String) {
        let error = #expect(throws: ImageSpecError.self) { try manifest(text, type) }
        #expect(error?.code == code)
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#"{"schemaVersion":2,"layers":[]}"#, "config is missing"),
        (#"{"schemaVersion":3,"config":\#(config),"layers":[]}"#, "schemaVersion 3"),
        (#"{"schemaVersion":2,"config":\#(config.replacing("7", with: "-7"))}"#, "layers is missing"),
        (#"{"schemaVersion":2,"layers":[],"config":\#(config.replacing("7", with: "-7"))}"#, "a size is negative"),
        (
            #"{"schemaVersion":2,"config":\#(config),"layers":[\#(config.replacing("7", with: "9223372036854775807"))]}"#,
            "sizes overflow"
        ),
        (#"{"schemaVersion":2,"config":\#(config),"layers":[\#(config.replacing("ab", with: "aB"))]}"#, "lower-case"),
        (
            #"{"schemaVersion":2,"config":\#(config),"layers":[\#(config.replacing("\"size\":7", with: "\"size\":\"7\""))]}"#,
            "layers[0].size has the wrong type"
        ),
    ])
    func refusesManifest(_ text: String, _ reason: String) {
        let error = #expect(throws: ImageSpecError.self) { try Manifest(parsing: Array(text.utf8), subject: "x") }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func refusesLargeDocuments() {
        let bytes = [UInt8](repeating: 0x20, count: documentLimit + 1)
        let error = #expect(throws: ImageSpecError.self) { try Index(parsing: bytes, subject: "x") }
        #expect(error?.code == .tooLarge)
    }

    @Test func refusesDeepDocuments() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: ImageSpecError.self) { try Index(parsing: Array(text.utf8), subject: "x") }
    }

    @Test func readsConfig() throws {
        let text = """
            {"created":"2026-01-02T03:04:05Z","architecture":"arm64","os":"linux","variant":"v8","config":{"User":"1:2",
            "ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["/e"],"Cmd":null,"Volumes":{"/v":{}},
            "WorkingDir":"/w","Labels":{"l":"m"},"StopSignal":"SIGINT","Healthcheck":{"Test":["x"]}},"rootfs":
            {"type":"layers","diff_ids":["\(digest)"]},"history":[{"created_by":"c","empty_layer":true}],"extra":1}
            """
        let image = try ImageConfig(parsing: Array(text.utf8), subject: "x")
        #expect(image.platform.description == "linux/arm64/v8")
        #expect(image.created == "2026-01-02T03:04:05Z")
        #expect(image.config?.user == "1:2")
        #expect(image.config?.exposedPorts?.keys.sorted() == ["80/tcp"])
        #expect(image.config?.env == ["A=b"])
        #expect(image.config?.entrypoint == ["/e"])
        #expect(image.config?.cmd == nil)
        #expect(image.config?.volumes?.keys.sorted() == ["/v"])
        #expect(image.config?.workingDir == "/w")
        #expect(image.config?.labels == ["l": "m"])
        #expect(image.config?.stopSignal == "SIGINT")
        #expect(image.rootfs.diffIDs.map(\.description) == [digest])
        #expect(image.history?.first?.createdBy == "c")
        #expect(image.history?.first?.emptyLayer == true)
        let again = try JSONDecoder().decode(ImageConfig.self, from: JSONEncoder().encode(image))
        #expect(again == image)
    }

    @Test(arguments: [
        #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":null}}"#,
        #"{"architecture":"amd64","os":"linux","config":null,"rootfs":{"type":"layers"}}"#,
    ])
    func readsConfigWithoutLayers(_ text: String) throws {
        #expect(try ImageConfig(parsing: Array(text.utf8), subject: "x").rootfs.diffIDs.isEmpty)
    }

    @Test(arguments: [
        (#"{"os":"linux","rootfs":{"type":"layers"}}"#, "architecture is missing"),
        (#"{"architecture":"amd64","os":"linux"}"#, "rootfs is missing"),
        (#"{"architecture":"amd64","os":"linux","rootfs":{"type":"base"}}"#, "rootfs.type is \"base\""),
        (#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["x"]}}"#, "parse digest \"x\""),
    ])
    func refusesConfig(_ text: String, _ reason: String) {
        let error = #expect(throws: ImageSpecError.self) { try ImageConfig(parsing: Array(text.utf8), subject: "x") }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func twinsHaveTheSameKind() {
        #expect(MediaType.dockerManifest.kind == MediaType.imageManifest.kind)
        #expect(MediaType.dockerManifestList.kind == MediaType.imageIndex.kind)
        #expect(MediaType.dockerConfig.kind == MediaType.imageConfig.kind)
        #expect(MediaType.dockerLayerGzip.kind == MediaType.layerGzip.kind)
        #expect(MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar+gzip+encrypted").kind == .unknown)
        #expect(MediaType(header: " Application/VND.oci.image.index.v1+JSON ; charset=utf-8") == .imageIndex)
    }
}
