// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import Registry

/// How slow a server may be: 1000 bytes per second, on average over ten seconds.
@Suite struct PaceTests {
    private let begin = ContinuousClock.now
    private var settings = RegistrySettings()

    init() { settings.stallTimeout = .seconds(10) }

    private func pace() -> Pace { Pace(settings, now: begin) }

    @Test func enoughIsEnough() throws {
        var pace = pace()
        for second in 1...100 { try pace.take(1000, now: begin + .seconds(second)) }
        // In bursts as well.
        try pace.take(10_000, now: begin + .seconds(109))
        try pace.take(0, now: begin + .seconds(110))
    }

    @Test func tooFewAreTooFewWhenTheTimeIsOver() throws {
        var pace = pace()
        for tenth in 1...99 { try pace.take(99, now: begin + .milliseconds(100 * tenth)) }
        let error = #expect(throws: Pace.TooSlow.self) { try pace.take(99, now: begin + .seconds(10)) }
        let failure = try RequestFailure(try #require(error), peer: "there:5000", settings)
        #expect(failure.reason == "there:5000 sends less than 1000 bytes per second")
        #expect(failure.code == .unavailable && failure.retry == .later())
    }

    @Test func whatCameBeforeDoesNotCount() throws {
        var pace = pace()
        try pace.take(1 << 30, now: begin + .seconds(10))
        #expect(throws: Pace.TooSlow.self) { try pace.take(1, now: begin + .seconds(20)) }
    }

    @Test func theReadersTimeDoesNotCount() throws {
        var pace = pace()
        pace.pause(.seconds(60))
        try pace.take(1, now: begin + .seconds(69))
        #expect(throws: Pace.TooSlow.self) { try pace.take(1, now: begin + .seconds(70)) }
    }

    @Test func noneIsAskedFor() throws {
        var settings = settings
        settings.minimumRate = 0
        var pace = Pace(settings, now: begin)
        try pace.take(1, now: begin + .seconds(1000))
    }
}
