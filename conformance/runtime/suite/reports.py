# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""How results are told: lines for people, TAP, JUnit."""

from xml.sax.saxutils import escape, quoteattr


class Result:
    """How one check ended. `kind` is passed, failed, expected (a known difference), mended (known, but passed), skipped."""

    def __init__(self, check, kind, seconds, message=""):
        self.check, self.kind, self.seconds, self.message = check, kind, seconds, message


def line(result):
    """One line for people."""
    text = f"{result.kind:<8} {result.check.name} ({result.seconds:.2f} s)"
    return text + (f"\n         {result.message}" if result.message else "")


def tap(result, number):
    """The lines of the Test Anything Protocol, version 13."""
    good = result.kind in ("passed", "skipped", "mended")
    directive = {"skipped": f" # SKIP {flat(result.message)}", "expected": f" # TODO {flat(result.message)}",
                 "mended": " # TODO known difference, but passed"}.get(result.kind, "")
    text = f"{'ok' if good else 'not ok'} {number} - {result.check.name}{directive}"
    if result.kind == "failed":
        text += f"\n# {result.check.claim}\n# " + result.message.replace("\n", "\n# ")
    return text


def junit(results, name, seconds):
    """A JUnit file's text."""
    failed = sum(result.kind == "failed" for result in results)
    skipped = sum(result.kind in ("skipped", "expected") for result in results)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>',
             f'<testsuite name={quoteattr(name)} tests="{len(results)}" failures="{failed}" skipped="{skipped}" '
             f'time="{seconds:.2f}">']
    for result in results:
        module, function = result.check.name.split(".", 1)
        case = f'  <testcase classname={quoteattr(module)} name={quoteattr(function)} time="{result.seconds:.3f}"'
        if result.kind == "failed":
            lines.append(f"{case}>\n    <failure message={quoteattr(result.check.claim)}>{escape(result.message)}"
                         "</failure>\n  </testcase>")
        elif result.kind in ("skipped", "expected"):
            lines.append(f"{case}>\n    <skipped message={quoteattr(flat(result.message))}/>\n  </testcase>")
        else:
            lines.append(f"{case}/>")
    return "\n".join([*lines, "</testsuite>", ""])


def flat(text):
    """One line, without what TAP would read as a directive."""
    return " ".join(text.split()).replace("#", "")
