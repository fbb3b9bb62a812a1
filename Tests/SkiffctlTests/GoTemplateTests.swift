// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import SkiffctlCommands

/// What Go's text/template makes of such templates; numbers of the document are numbers.
@Suite struct GoTemplateTests {
    private static let document = #"""
        {"id": "abc", "n": 3, "big": 12345678901234567890, "f": 1.5, "none": null, "empty": "", "on": true,
         "list": ["a", "b", "c"], "map": {"z": 1, "y": {"deep": "x"}}}
        """#

    private func text(_ template: String) throws -> String {
        try GoTemplate(template).text(try JSONParser.parse(Self.document.utf8))
    }

    @Test(arguments: [
        ("plain", "plain"),
        ("{{.id}}-{{.n}}-{{.big}}", "abc-3-12345678901234567890"),
        ("{{.map.y.deep}} {{.map}} {{.list}}", "x map[y:map[deep:x] z:1] [a b c]"),
        ("{{.none}}|{{json .none}}", "<no value>|null"),
        ("a {{- .id -}} b", "aabcb"),
        ("a {{/* not this }} */}}b", "a b"),
        ("{{\"}}\"}}{{`a\\n`}}{{\"\\t\"}}", "}}a\\n\t"),
        ("{{if .empty}}x{{else if .on}}y{{else}}z{{end}}", "y"),
        ("{{if and .id .empty}}x{{else}}{{or .empty .id}}{{end}}", "abc"),
        ("{{or .id .missing}}{{and .empty .missing}}", "abc"),
        ("{{if not .none}}{{eq .n 3}} {{eq .id \"x\" \"abc\"}} {{ne .n 3.0}}{{end}}", "true true false"),
        ("{{lt .n 10}}{{le .n 3}}{{gt .f 1}}{{ge \"a\" \"b\"}}", "truetruetruefalse"),
        ("{{range .list}}<{{.}}>{{end}}", "<a><b><c>"),
        ("{{range $i, $x := .list}}{{$i}}{{$x}}{{$.id}} {{end}}", "0aabc 1babc 2cabc "),
        ("{{range $k, $v := .map}}{{$k}} {{end}}{{range $x := .list}}{{$x}}{{end}}", "y z abc"),
        ("{{range .none}}x{{else}}nothing{{end}}{{range 2}}{{.}}{{end}}", "nothing01"),
        ("{{range .list}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac"),
        ("{{range .list}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"),
        ("{{with .map.y}}{{.deep}}{{else}}no{{end}}{{with .empty}}x{{else}}{{.id}}{{end}}", "xabc"),
        ("{{with .empty}}x{{else with .n}}{{.}}{{end}}", "3"),
        ("{{$x := .n}}{{if true}}{{$x = 4}}{{$y := 5}}{{$y}}{{end}}{{$x}}", "54"),
        ("{{(index .list 1)}}{{index .map \"y\" \"deep\"}}{{(index .map \"y\").deep}}", "bxx"),
        ("{{index .map \"missing\"}}", "<no value>"),
        ("{{slice .id 1}}{{slice .list 0 2}}{{len .list}}{{len .id}}", "bc[a b]33"),
        ("{{.id | upper | printf \"%s-%s\" \"x\"}}{{\"a bc\" | title}}{{lower \"AB\"}}", "x-ABCA Bcab"),
        (
            "{{printf \"%5d|%-5s|%05d|%q|%v|%t|%.2f|%x|%%\" .n .id .n .id .list .on .f 255}}",
            "    3|abc  |00003|\"abc\"|[a b c]|true|1.50|ff|%"
        ),
        ("{{print .id .n}}{{println .id .n}}{{print 1 2 .id 3}}", "abc3abc 3\n1 2abc3"),
        ("{{0x10}} {{1e3}} {{1.0}} {{-5}} {{1_000}}", "16 1000 1 -5 1000"),
        ("{{printf \"%05d|%+d|%.2f|%+.1f\" -5 .n 0.125 .f}}", "-0005|+3|0.12|+1.5"),
        ("{{if eq .n \"3\"}}text{{end}}{{if .list}}{{len .list}}{{end}}", "text3"),
        ("{{json .map}}", #"{"z":1,"y":{"deep":"x"}}"#),
        ("{{define \"t\"}}<{{.}}>{{end}}{{range .list}}{{template \"t\" .}}{{end}}", "<a><b><c>"),
        ("{{block \"b\" .id}}({{.}}){{end}}", "(abc)"),
        ("{{range .list}}{{range $.list}}{{break}}{{end}}{{.}}{{end}}", "abc"),
    ])
    func text(_ template: String, _ expected: String) throws {
        #expect(try text(template) == expected)
    }

    @Test(arguments: [
        "{{.id", "{{end}}", "{{if .id}}", "{{range .list}}{{else}}", "{{frob .id}}", "{{.id .n}}", "{{(.id}}",
        "{{.id)}}",
        "{{\"abc}}", "{{\"\\y\"}}", "{{|}}", "{{.id |}}", "{{.id | .n}}", "{{}}", "{{template x}}", "{{if}}x{{end}}",
        "{{else}}", "{{$x = }}", "{{#}}", "{{break 1}}", "{{if .id}}a{{else x}}b{{end}}",
        "a{{if .id}}{{break}}{{end}}b", "{{continue}}", "{{range .list}}{{else}}{{break}}{{end}}",
        "{{range .list}}{{block \"x\" .}}{{break}}{{end}}{{end}}", "{{/* c */ .id}}", "{{if .id}}x{{end foo}}",
        "{{if .id}}{{define \"t\"}}x{{end}}{{end}}", "{{if .id}}x{{else with .n}}y{{end}}",
        "{{\(String(repeating: "(", count: 100_000))}}", "{{\(String(repeating: ".a", count: 100_000))}}",
        String(repeating: "{{block \"t\" .}}", count: 1000), String(repeating: "{{if 1}}", count: 1000),
        String(repeating: "{{if 1}}{{else ", count: 1000),
    ])
    func whatIsNoTemplate(_ template: String) {
        #expect(throws: CommandError.self) { try GoTemplate(template) }
    }

    @Test(arguments: [
        "{{.missing}}", "{{.id.x}}", "{{.none.x}}", "{{$x}}", "{{index .list 3}}", "{{index .list \"a\"}}",
        "{{len .n}}",
        "{{slice .id 4}}", "{{range .id}}{{end}}", "{{lt .id .n}}", "{{eq .id}}", "{{template \"none\"}}",
        "{{upper .n}}",
        "{{printf \"%d\" .id}}", "{{printf \"%s\"}}", "{{printf \"x\" .id}}", "{{printf \"%z\" .id}}",
        "{{printf \"%f\" 1e20}}", "{{not}}",
        "{{define \"t\"}}{{template \"t\" .}}{{end}}{{template \"t\" .}}", "{{$x = 1}}", "{{range 10000000}}{{end}}",
    ])
    func whatCannotBeDone(_ template: String) throws {
        let parsed = try GoTemplate(template)
        #expect(throws: CommandError.self) { try parsed.text(try JSONParser.parse(Self.document.utf8)) }
    }
}
