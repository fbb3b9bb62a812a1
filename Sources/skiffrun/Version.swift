// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

/// What `--version` prints.
enum Version {
    static let number = "0.1.0"

    /// Callers look for the `spec:` line (go-runc) and for the line of features that crun prints (podman).
    static func print() -> Int32 {
        Skiffrun.print(
            """
            skiffrun version \(number)
            spec: \(Spec.version)
            +SELINUX +APPARMOR +CAP +SECCOMP +EBPF
            """)
        return 0
    }
}

/// What `--help` prints.
enum Help {
    static func print() -> Int32 {
        Skiffrun.print(text)
        return 0
    }

    private static let text = """
        skiffrun - OCI container runtime

        usage: skiffrun [--root DIR] [--log FILE] [--log-format text|json] COMMAND [options] ID

          create    make a container; its program waits for start
          run       make a container and run its program
          start     run the program of a created container
          state     print the state of a container
          kill      send a signal to a container
          delete    remove a container
          exec      run another program in a container
          list      list containers
          ps        list the processes of a container
          pause     stop all processes of a container
          resume    let them go on
          spec      write a configuration to begin with
          features  print what this runtime supports
        """
}
