// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIImageSpec

extension HostFacts {
    /// Asks the machine. Blocks the calling thread.
    static func find(_ layout: CgroupLayout) throws -> HostFacts {
        let status = try Syscall.readText("/proc/self/status")
        let sets = ["CapPrm", "CapBnd"].map { Capabilities.names(mask: mask($0, in: status)) }
        var facts = HostFacts(
            hasUnifiedCgroups: layout.mode == .v2, capabilities: sets[0].intersection(sets[1]),
            hugepageSizes: hugepageSizes(layout), limitsSwap: limitsSwap(layout),
            lowestOOMScore: try lowestOOMScore(hasResource: sets[0].contains("CAP_SYS_RESOURCE")),
            architecture: Platform.current.architecture)
        // All mounts of cgroup2 are of one file system, and have its options.
        facts.delegatesCgroups = try MountInfo.read().contains {
            $0.type == "cgroup2" && $0.superOptions.contains("nsdelegate")
        }
        // A kernel that has it may be started without it.
        let appArmor = try? Syscall.readText("/sys/module/apparmor/parameters/enabled")
        facts.hasAppArmor = appArmor?.hasPrefix("Y") == true && Syscall.exists("/sys/kernel/security/apparmor/profiles")
        facts.hasSELinux = Syscall.exists("/sys/fs/selinux/enforce")
        facts.selinux = facts.hasSELinux ? SELinuxPolicy.find() : nil
        facts.tellsOfFIPS = Syscall.exists("/proc/sys/crypto/fips_enabled")
        // A kernel without them has no such file, and an administrator can set it to 0.
        let namespaces = try? Syscall.readText("/proc/sys/user/max_user_namespaces")
        facts.hasUserNamespaces = namespaces.map { $0.split(separator: "\n").first != "0" } ?? false
        return facts
    }

    static func mask(_ name: String, in status: String) -> UInt64 {
        let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        return line.flatMap { UInt64($0.split { $0 == ":" || $0 == "\t" || $0 == " " }.last ?? "", radix: 16) } ?? 0
    }

    /// Sizes of the kernel, when a cgroup can limit them: `hugepages-2048kB` is `2MB`.
    private static func hugepageSizes(_ layout: CgroupLayout) -> Set<String> {
        let hasController =
            layout.mode == .v2
            ? controllers(layout).contains("hugetlb") : layout.legacy.contains { $0.controllers.contains("hugetlb") }
        // A kernel without huge pages has no such folder.
        guard hasController, let names = try? Syscall.entries("/sys/kernel/mm/hugepages") else { return [] }
        return Set(names.compactMap(hugepageSize))
    }

    static func hugepageSize(_ name: String) -> String? {
        guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"), var size = UInt64(name.dropFirst(10).dropLast(2))
        else { return nil }
        var units = ["KB", "MB", "GB"][...]
        while size >= 1024, units.count > 1 {
            size /= 1024
            units.removeFirst()
        }
        return "\(size)\(units.first ?? "KB")"
    }

    private static func controllers(_ layout: CgroupLayout) -> Set<String> {
        guard let mount = layout.unified?.mountPoint,
            let text = try? Syscall.readText(mount + "/cgroup.controllers")
        else { return [] }
        return Set(text.split { $0 == " " || $0 == "\n" }.map(String.init))
    }

    private static func limitsSwap(_ layout: CgroupLayout) -> Bool {
        if layout.mode == .v2 {
            // The root has no memory.swap.max; a kernel that can swap has this file.
            return controllers(layout).contains("memory") && Syscall.exists("/proc/swaps")
        }
        guard let memory = layout.legacy.first(where: { $0.controllers.contains("memory") }) else { return false }
        return Syscall.exists(memory.mountPoint + "/memory.memsw.limit_in_bytes")
    }

    /// Without CAP_SYS_RESOURCE nothing may go below a floor that the kernel does not tell: it is found by trying it
    /// on ourselves. See proc_pid_oom_score_adj(5).
    private static func lowestOOMScore(hasResource: Bool) throws -> Int {
        if hasResource { return -1000 }
        let file = "/proc/self/oom_score_adj"
        let own = try Syscall.readText(file).split(separator: "\n").first.flatMap { Int($0) } ?? 0
        var (low, high) = (-1000, own)
        while low < high {
            let middle = low + (high - low) / 2
            do throws(Errno) {
                try Syscall.writeExisting(file, "\(middle)")
                high = middle
            } catch {
                low = middle + 1
            }
        }
        try Syscall.writeExisting(file, "\(own)")
        return high
    }
}
