// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import Linux
import Testing

@testable import CRIService

struct StopSignalTests {
    @Test(
        arguments: [
            (.runtimeDefault, nil, 15), (.runtimeDefault, "", 15), (.runtimeDefault, "SIGQUIT", 3),
            (.runtimeDefault, "quit", 3), (.runtimeDefault, "9", 9), (.runtimeDefault, "SIGRTMIN+3", 37),
            (.runtimeDefault, "RTMAX-1", 63), (.sigusr1, "SIGQUIT", 10), (.sigusr1, nil, 10),
            (.sigterm, "SIGQUIT", 15), (.UNRECOGNIZED(99), "SIGQUIT", 3), (.sigusr1, "nonsense", 10),
        ] as [(CRI.Signal, String?, Int32)])
    func theRequestGoesBeforeTheImage(request: CRI.Signal, image: String?, number: Int32) throws {
        #expect(try StopSignal.choose(request: request, image: image).rawValue == number)
    }

    @Test func systemdEndsByASignalOfItsOwn() throws {
        #expect(try StopSignal.choose(request: .runtimeDefault, image: nil, forSystemd: true).rawValue == 37)
        #expect(try StopSignal.choose(request: .runtimeDefault, image: "SIGQUIT", forSystemd: true).rawValue == 3)
        #expect(try StopSignal.choose(request: .sigterm, image: nil, forSystemd: true).rawValue == 15)
    }

    @Test(arguments: ["SIGNONE", "0", "65", "-1", "TERM ", "SIGRTMIN+31", "SIGRTMAX+1"])
    func refusesTheImages(text: String) {
        #expect(throws: ServiceError(.invalid, "read the image's stop signal", text, "no such signal")) {
            try StopSignal.choose(request: .runtimeDefault, image: text)
        }
    }

    static let numbers: [(CRI.Signal, Int32)] = [
        (.sigabrt, 6), (.sigalrm, 14), (.sigbus, 7), (.sigchld, 17), (.sigcld, 17), (.sigcont, 18), (.sigfpe, 8),
        (.sighup, 1), (.sigill, 4), (.sigint, 2), (.sigio, 29), (.sigiot, 6), (.sigkill, 9), (.sigpipe, 13),
        (.sigpoll, 29), (.sigprof, 27), (.sigpwr, 30), (.sigquit, 3), (.sigsegv, 11), (.sigstkflt, 16),
        (.sigstop, 19), (.sigsys, 31), (.sigterm, 15), (.sigtrap, 5), (.sigtstp, 20), (.sigttin, 21), (.sigttou, 22),
        (.sigurg, 23), (.sigusr1, 10), (.sigusr2, 12), (.sigvtalrm, 26), (.sigwinch, 28), (.sigxcpu, 24),
        (.sigxfsz, 25), (.sigrtmin, 34), (.sigrtminplus1, 35), (.sigrtminplus15, 49), (.sigrtmaxminus14, 50),
        (.sigrtmaxminus1, 63), (.sigrtmax, 64),
    ]

    @Test(arguments: numbers) func constantsHaveTheirNumbers(constant: CRI.Signal, number: Int32) {
        #expect(StopSignal.signal(of: constant)?.rawValue == number)
    }

    @Test func everyConstantComesBack() throws {
        for constant in CRI.Signal.allCases where constant != .runtimeDefault {
            let signal = try #require(StopSignal.signal(of: constant), "\(constant)")
            // Two names of one signal come back as the first.
            #expect(StopSignal.signal(of: StopSignal.constant(of: signal)) == signal, "\(constant)")
        }
        #expect(StopSignal.signal(of: .runtimeDefault) == nil)
        #expect(StopSignal.constant(of: Signal(rawValue: 0)) == .runtimeDefault)
        #expect(StopSignal.constant(of: .terminate) == .sigterm)
    }
}
