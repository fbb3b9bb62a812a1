// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A monitor's answer to one request; the bytes are described at the top of MonitorMessage.swift.
package enum MonitorReply: Hashable, Sendable {
    case hello(version: UInt16, pid: Int32, pod: String)
    case ok
    /// One line that says what failed; with the status of the runtime's command when that is what failed.
    case failed(text: String, exitStatus: UInt32?)
    case created(MonitoredProcess)
    /// The command ended; 128 + n for signal n, and what it printed on both outputs.
    case ran(exitStatus: UInt32, text: String)
    /// With a terminal, the master's descriptor comes with it.
    case execStarted(pid: Int32)
    case execExited(ExecExit)
    case containers([ContainerStatus])
}

/// The first process of a container.
package struct MonitoredProcess: Hashable, Sendable {
    package var pid: Int32
    /// Clock ticks since boot: pid and start time together name a process for good.
    package var startTime: UInt64

    package init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }
}

/// How an exec'd process ended.
package struct ExecExit: Hashable, Sendable {
    /// 0 ... 255; 128 + n for signal n.
    package var code: UInt32
    /// 0 when no signal ended it.
    package var signal: UInt32
    /// The deadline passed and the monitor killed it.
    package var timedOut: Bool

    package init(code: UInt32, signal: UInt32 = 0, timedOut: Bool = false) {
        self.code = code
        self.signal = signal
        self.timedOut = timedOut
    }
}

/// What a monitor knows of one container.
package struct ContainerStatus: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        /// `runtime create` has not ended yet.
        case creating
        case created(MonitoredProcess)
        /// Started at that time, ns since 1970.
        case running(MonitoredProcess, started: UInt64)
        case exited(ExitRecord)
    }

    package var container: String
    package var state: State
    /// Output that could not be written to the log.
    package var lostBytes: UInt64

    package init(container: String, state: State, lostBytes: UInt64 = 0) {
        self.container = container
        self.state = state
        self.lostBytes = lostBytes
    }
}

/// What a monitor tells every client unasked.
package enum MonitorEvent: Hashable, Sendable {
    /// The container's first process has ended; its exit record is on disk.
    case exited(container: String, ExitRecord)
    /// The container's output could not be written to its log, and so many bytes are lost by now; without an error when
    /// it can be written again.
    case logTrouble(container: String, lostBytes: UInt64, error: String)
}
