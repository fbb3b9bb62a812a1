// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import GRPCCore
import Linux
import SwiftProtobuf
import Testing

@testable import SkiffctlCommands

@Suite struct ChoiceTests {
    @Test func ids() throws {
        let ids = ["abc1", "abc2", "abd", "ab"]
        #expect(try Identity.resolve("abc1", among: ids) == "abc1")
        #expect(try Identity.resolve("abd", among: ids) == "abd")
        #expect(try Identity.resolve("ab", among: ids) == "ab")
        #expect(throws: Identity.Failure.ambiguous(["abc1", "abc2"])) { try Identity.resolve("abc", among: ids) }
        #expect(throws: Identity.Failure.unknown) { try Identity.resolve("x", among: ids) }
        #expect(throws: Identity.Failure.unknown) { try Identity.resolve("", among: ids) }
    }

    @Test func filters() throws {
        #expect(try ListFilter.labels(["a=b=c", "d="]) == ["a": "b=c", "d": ""])
        #expect(throws: (any Error).self) { try ListFilter.labels(["a"]) }
        #expect(try ListFilter.pattern("^we.$")("web"))
        #expect(try !ListFilter.pattern("^we$")("web"))
        #expect(throws: (any Error).self) { try ListFilter.pattern("(") }
        #expect(ListFilter.newest([1, 3, 2], count: 2) { $0 } == [3, 2])
        #expect(ListFilter.newest([1, 3, 2], count: 0) { $0 } == [3, 2, 1])
    }

    @Test func errorsAreOneLine() {
        let missing = CommandError("stop container", "abc", RPCError(code: .notFound, message: "no such\ncontainer"))
        #expect(missing.description == #"stop container "abc": not found: no such container"#)
        let unknown = CommandError("run pod", "web", RPCError(code: .unknown, message: "network is down"))
        #expect(unknown.description == #"run pod "web": network is down"#)
        let twice = CommandError("stop pod", "web", RPCError(code: .unknown, message: #"stop pod "web": it hangs"#))
        #expect(twice.description == #"stop pod "web": it hangs"#)
        let late = CommandError("ask for version", nil, RPCError(code: .deadlineExceeded, message: ""))
        #expect(late.description == "ask for version: deadline exceeded")
    }

    @Test func imageRows() {
        var image = Runtime_V1_Image()
        image.repoDigests = ["localhost:5000/web@sha256:aa", "docker.io/library/web@sha256:bb"]
        #expect(ImageNames.rows(image) == [.init(repository: "localhost:5000/web", tag: "<none>", digest: "sha256:aa")])
        image.repoTags = ["docker.io/library/web:1", "localhost:5000/web:2"]
        #expect(
            ImageNames.rows(image) == [
                .init(repository: "docker.io/library/web", tag: "1", digest: "sha256:bb"),
                .init(repository: "localhost:5000/web", tag: "2", digest: "sha256:aa"),
            ])
    }

    @Test func commandOfExecIsTakenAsItIs() throws {
        let parsed = try Skiffctl.parseAsRoot(["exec", "-s", "--timeout", "3", "abc", "ls", "-la", "--", "-s"])
        let exec = try #require(parsed as? Exec)
        #expect(exec.sync && exec.timeout == 3)
        #expect(exec.words == ["abc", "ls", "-la", "--", "-s"])
    }

    @Test(arguments: [
        "exec abc", "exec --name web", "exec --parallel -t abc sh", "exec --state dead abc sh", "exec --name ( sh",
        "inspect abc --latest", "inspectp abc -s ready", "inspectp --state up", "inspecti abc --name web",
        "inspect abc -o go-template", "inspect abc --template {{.}}", "inspect abc -o go-template --template {{",
        "info -o table", "pull --creds :secret web", "pull --creds a:b --username a web", "pull --username= web",
        "create --no-pull --with-pull a b c", "images --filter dangling=perhaps", "images --filter big=yes",
        "logs -p -f abc", "logs -s both abc", "logs --tail 3 -s stdout abc",
        "logs --since yesterday abc", "rmi", "rmi --prune web", "rmi -a web", "rmp", "rmp -a abc",
        "attach -r carrier-pigeon abc", "config", "config --list --get debug", "config debug", "config --set debug",
    ])
    func whatDoesNotGoTogetherIsRefused(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        #expect(throws: (any Error).self) { try Skiffctl.parseAsRoot(words) }
    }

    @Test(arguments: [
        "exec -r websocket -it abc sh", "exec --latest --state running ls -l", "exec -x -n 3 -q true",
        "inspect --pod abc -a -o go-template --template {{.}}", "inspectp -l -s NotReady", "ps -r --namespace ^kube",
        "pull --username me --pull-timeout 1m web", "pull -pt 3s web", "runp -T 5s pod.json",
        "run --cancel-timeout 5s -u me c.json p.json", "images -f dangling=true --pinned",
        "events -o go-template --template x",
        "logs -r -s stderr abc", "config --set debug=true,timeout=2s", "config debug true",
        "port-forward -r websocket abc 80", "ps --enable-tracing --tracing-endpoint [::1]:4317",
        "inspect", "inspectp", "inspecti", "inspecti --name web -f dangling=false", "event", "metricsp -w -o yaml",
        "update-runtime-config -p 10.0.0.0/8", "runtime-config", "rmi -a -q",
        "logs --tail -1 --limit-bytes -1 abc", "logs --since 1136214245.5 -t abc", "logs --since 2006-01-02T15:04 abc",
        "update --cpu-quota -1 --memory-swap -1 --oom-score-adj -500 abc",
        "ps --enable-tracing --tracing-sampling-rate-per-million -1", "ps -qo json", "rm -fa", "exec -it abc sh",
    ])
    func optionsOfCrictl(_ line: String) throws {
        _ = try Skiffctl.parseAsRoot(line.split(separator: " ").map(String.init))
    }

    @Test func credentials() throws {
        func config(_ words: [String], _ environment: [String: String] = [:]) throws -> Runtime_V1_AuthConfig? {
            let pull = try #require(try Skiffctl.parseAsRoot(["pull"] + words + ["web"]) as? PullImage)
            return try pull.credentials.config(environment: environment)
        }
        #expect(try config([]) == nil)
        #expect(try config(["--creds", "me:a:b"])?.password == "a:b")
        #expect(try config(["--creds", "me"])?.username == "me")
        #expect(try config([], ["CRICTL_CREDS": "me:x"])?.password == "x")
        #expect(try config([], ["CRICTL_AUTH": "eHk="])?.auth == "eHk=")
        #expect(try config(["--creds", "me:y"], ["CRICTL_AUTH": "eHk="])?.auth == "")
    }

    @Test func imageFilters() throws {
        let images = ["a:1", "b:1", ""].enumerated().map { number, tag in
            Runtime_V1_Image.with {
                $0.id = "sha256:\(number)"
                $0.repoTags = tag.isEmpty ? [] : [tag]
                $0.repoDigests = ["x@sha256:\(number)"]
            }
        }
        func chosen(_ filter: String) throws -> [String] { try ImageFilter(filter).choose(among: images).map(\.id) }
        #expect(try chosen("dangling=true") == ["sha256:2"])
        #expect(try chosen("dangling=false") == ["sha256:0", "sha256:1"])
        #expect(try chosen("reference=/^b/") == ["sha256:1"])
        // As crictl's manual has it: the list begins with the newest.
        #expect(try chosen("before=b:1") == ["sha256:2"])
        #expect(try chosen("since=b:1") == ["sha256:0"])
        #expect(try chosen("since=2") == ["sha256:0", "sha256:1"])
        #expect(try chosen("before=x@sha256:0") == ["sha256:1", "sha256:2"])
        #expect(throws: CommandError.self) { try chosen("since=c:1") }
    }

    @Test func logsOfTheAttemptBefore() throws {
        var status = Runtime_V1_ContainerStatus()
        status.logPath = "/logs/pod.a/web/3.log"
        #expect(throws: CommandError.self) { try Logs.previousPath(status) }
        status.metadata.attempt = 3
        #expect(try Logs.previousPath(status) == "/logs/pod.a/web/2.log")
    }

    @Test func settingsAreWrittenAsTheyAreRead() throws {
        var file = SettingsFile()
        try file.set("timeout", "1500ms")
        try file.set("debug", "true")
        try file.set("runtime-endpoint", "unix:///x")
        #expect(try SettingsFile(file.document, from: "x") == file)
        #expect(try file.value("timeout") == "1500ms")
        #expect(try SettingsFile(SettingsFile().document, from: "x").timeout?.nanoseconds ?? 0 == 0)
        #expect(throws: CommandError.self) { try file.set("debug", "perhaps") }
        #expect(throws: CommandError.self) { try file.set("speed", "9") }
        #expect(try SettingsFile(.object(["debug": "True", "timeout": .null]), from: "x").debug)
        #expect(try SettingsFile(.object(["debug": .number("1"), "timeout": "3"]), from: "x").timeout == .seconds(3))
        #expect(throws: CommandError.self) { try SettingsFile(.object(["debug": .object(["a": "b"])]), from: "x") }
        #expect(throws: CommandError.self) { try SettingsFile(.object(["speed": "9"]), from: "x") }
    }

    @Test func progressLines() {
        #expect(ProgressLine.line(1, PullMeter.text("web", 0), 2) == "/ pulling web  2s")
        #expect(ProgressLine.line(4, PullMeter.text("web", 1_230_000), 12) == "| pulling web  1.23MB  12s")
        #expect(ProgressLine.line(0, #"stop container "abc""#, 3) == #"| stop container "abc"  3s"#)
    }

    @Test func whatHelpsWhereNobodyAnswers() throws {
        let endpoint = try Endpoint("unix:///x.sock")
        let nobody = endpoint.failure(.ENOENT).description
        #expect(nobody.hasPrefix(#"connect to "/x.sock": no such file or directory: is the engine running?"#))
        #expect(endpoint.failure(.EACCES).cause.contains("root"))
    }
}
