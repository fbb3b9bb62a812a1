// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Glibc

private typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

/// libFuzzer's own main, as compiler-rt exports it.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<Arguments>,
    _ entry: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// The entry that $SKIFF_FUZZ_ENTRY names, fed by libFuzzer. Built by `hack/fuzz` only.
@main
struct FuzzDriver {
    // Set once, before libFuzzer takes over; a C function cannot capture it.
    nonisolated(unsafe) static var entry = FuzzEntry.config

    static func main() {
        guard let name = getenv("SKIFF_FUZZ_ENTRY"), let chosen = FuzzEntry(rawValue: String(cString: name)) else {
            print(FuzzEntry.allCases.map(\.rawValue).joined(separator: " "))
            exit(2)
        }
        entry = chosen
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(
            runDriver(&count, &arguments) { bytes, count in
                FuzzDriver.entry.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
                return 0
            })
    }
}
