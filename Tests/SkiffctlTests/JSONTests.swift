// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import SwiftProtobuf
import Testing

@testable import SkiffctlCommands

@Suite struct JSONTests {
    @Test func keepsOrderAndNumbers() throws {
        let json = try JSONParser.parse(
            #" {"b": [1, -2.50, 1e3, true, null], "a": {"x": "\u00e9\n\ud83d\ude00/"}, "e": []} "#.utf8)
        let text = """
            {
              "b": [
                1,
                -2.50,
                1e3,
                true,
                null
              ],
              "a": {
                "x": "é\\n😀/"
              },
              "e": []
            }
            """
        #expect(json.text() == text)
        #expect(try JSONParser.parse(text.utf8) == json)
    }

    @Test(arguments: [
        ("{\n  \"a\" 1}", "line 2, column 7: expected \":\""),
        ("{\"a\": 1", "line 1, column 8: expected \",\" or \"}\""),
        ("[1,]", "line 1, column 4: expected a value"), ("", "line 1, column 1: unexpected end"),
        ("{} x", "line 1, column 4: text after the end of the document"),
        ("\"a", "line 1, column 3: string without end"),
        ("{\"a\":1,\"a\":2}", "line 1, column 8: key \"a\" is there twice"),
    ])
    func tellsWhereItIsWrong(_ text: String, _ message: String) {
        let error = #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(text.utf8) }
        #expect(error?.description == message)
    }

    @Test func refusesDepth() {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(String(repeating: "[", count: 100_000).utf8) }
    }

    @Test func yamlThereAndBack() throws {
        let json = try JSONParser.parse(
            #"{"a": "1", "b": 1, "c": [true, "true", null, "null", ""], "d": {"e": "x: y\nz"}, "f": [], "g": {}}"#.utf8)
        let text = try YAML.text(json)
        #expect(try YAML.parse(text) == json, "\(text)")
    }

    /// Each shape decodes as its message, and printing a message that has everything drops and adds nothing.
    @Test func shapesAreTheMessages() throws {
        try check(Runtime_V1_ContainerStatus.self, Shapes.containerStatus)
        try check(Runtime_V1_PodSandboxStatus.self, Shapes.podSandboxStatus)
        try check(Runtime_V1_PodSandbox.self, Shapes.podSandbox)
        try check(Runtime_V1_Container.self, Shapes.container)
        try check(Runtime_V1_Image.self, Shapes.image)
        try check(Runtime_V1_RuntimeStatus.self, Shapes.runtimeStatus)
        try check(Runtime_V1_RuntimeFeatures.self, Shapes.features)
        try check(Runtime_V1_ImageFsInfoResponse.self, Shapes.imageFsInfo)
        try check(Runtime_V1_VersionResponse.self, Shapes.version)
    }

    private func check<M: SwiftProtobuf.Message>(_ type: M.Type, _ shape: JSON) throws {
        let message = try M(jsonString: shape.text())
        #expect(try ProtoJSON.value(message, shape: shape) == shape, "\(M.self)")
    }

    @Test func addsDefaults() throws {
        var container = Runtime_V1_Container()
        container.id = "x"
        container.labels = ["b": "1", "a": "2"]
        let json = try ProtoJSON.value(container, shape: Shapes.container)
        #expect(json["state"] == "CONTAINER_CREATED")
        #expect(json["createdAt"] == "0")
        #expect(json["annotations"] == .object([]))
        #expect(json["labels"] == .object(["a": "2", "b": "1"]))
        #expect(json["metadata"] == nil)
    }

    @Test func inspectShowsTimesAndInfo() throws {
        var status = Runtime_V1_ContainerStatus()
        status.startedAt = 1_136_214_245_000_000_000
        let json = InspectDocument.make(
            try ProtoJSON.value(status, shape: Shapes.containerStatus), times: ["startedAt", "finishedAt"],
            info: ["info": #"{"pid": 7}"#, "note": "plain text"])
        #expect(json["status"]?["startedAt"] == "2006-01-02T15:04:05Z")
        #expect(json["status"]?["finishedAt"] == "0001-01-01T00:00:00Z")
        #expect(json["info"]?["pid"] == .number("7"))
        #expect(json["note"] == "plain text")
    }
}
