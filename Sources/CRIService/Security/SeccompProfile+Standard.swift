// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

extension SeccompProfile {
    /// The profile RuntimeDefault, the one that container engines agree on: what no rule names fails with ENOSYS, so
    /// that programs fall back, and what is known to be dangerous fails with EPERM unless a capability allows it.
    package static let standard = SeccompProfile(
        defaultAction: .errno, defaultErrnoRet: 38, archMap: standardArchitectures, syscalls: standardRules)

    private static let standardArchitectures = [
        ArchitectureGroup(architecture: .x86_64, subArchitectures: [.x86, .x32]),
        ArchitectureGroup(architecture: .aarch64, subArchitectures: [.arm]),
        ArchitectureGroup(architecture: .mips64, subArchitectures: [.mips, .mips64n32]),
        ArchitectureGroup(architecture: .mips64n32, subArchitectures: [.mips, .mips64]),
        ArchitectureGroup(architecture: .mipsel64, subArchitectures: [.mipsel, .mipsel64n32]),
        ArchitectureGroup(architecture: .mipsel64n32, subArchitectures: [.mipsel, .mipsel64]),
        ArchitectureGroup(architecture: .s390x, subArchitectures: [.s390]),
    ]

    private static func rule(
        _ action: LinuxSeccompAction, _ names: String, errno: UInt32? = nil, args: [LinuxSeccompArg]? = nil,
        arches: [String]? = nil, caps: [String]? = nil, unlessCaps: [String]? = nil
    ) -> Rule {
        Rule(
            names: names.split(whereSeparator: \.isWhitespace).map(String.init), action: action, errnoRet: errno,
            args: args, includes: arches == nil && caps == nil ? nil : Condition(caps: caps, arches: arches),
            excludes: unlessCaps.map { Condition(caps: $0) })
    }

    private static func when(_ index: UInt32, _ op: LinuxSeccompOperator, _ value: UInt64) -> LinuxSeccompArg {
        LinuxSeccompArg(index: index, value: value, op: op)
    }

    private static let standardRules = [
        rule(
            .errno,
            """
            bdflush cachestat futex_requeue futex_wait futex_waitv futex_wake io_pgetevents io_pgetevents_time64
            kexec_file_load kexec_load map_shadow_stack migrate_pages move_pages nfsservctl nice oldfstat oldlstat
            oldolduname oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapoff
            swapon syscall sysfs uselib userfaultfd ustat vm86 vm86old vmsplice
            """, errno: 1),
        rule(
            .allow,
            """
            _llseek _newselect accept accept4 access adjtimex alarm bind brk capget capset chdir chmod chown chown32
            clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
            clock_nanosleep clock_nanosleep_time64 clone clone3 close close_range connect copy_file_range creat dup
            dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
            epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
            fadvise64_64 fallocate fanotify_init fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32
            fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsconfig fsetxattr fsmount
            fsopen fspick fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_time64
            futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid
            getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp
            getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage
            getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init
            inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get
            ioprio_set ipc keyctl kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown
            lchown32 lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat lstat64
            madvise mbind membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2
            mlockall mmap mmap2 mount mount_setattr move_mount mprotect mq_getsetattr mq_notify mq_open
            mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl msgget
            msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open open_tree openat
            openat2 pause pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free
            pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease
            process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read
            readahead readlink readlinkat readv reboot recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages
            removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
            rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
            sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
            sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
            sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
            semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_mempolicy set_robust_list
            set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
            setgroups32 setitimer setns setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
            setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt
            shmget shutdown sigaltstack signal signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice
            stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs sysinfo syslog tee tgkill
            time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
            timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
            tkill truncate truncate64 ugetrlimit umask umount umount2 uname unlink unlinkat unshare utime utimensat
            utimensat_time64 utimes vfork wait4 waitid waitpid write writev
            """),
        rule(.allow, "personality", args: [when(0, .equal, 0)]),
        rule(.allow, "personality", args: [when(0, .equal, 8)]),
        rule(.allow, "personality", args: [when(0, .equal, 131072)]),
        rule(.allow, "personality", args: [when(0, .equal, 131080)]),
        rule(.allow, "personality", args: [when(0, .equal, 4294967295)]),
        rule(.allow, "sync_file_range2 swapcontext", arches: ["ppc64le"]),
        rule(
            .allow, "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
            arches: ["arm", "arm64"]),
        rule(.allow, "arch_prctl", arches: ["amd64", "x32"]),
        rule(.allow, "modify_ldt", arches: ["amd64", "x32", "x86"]),
        rule(.allow, "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr", arches: ["s390", "s390x"]),
        rule(.allow, "riscv_flush_icache", arches: ["riscv64"]),
        rule(.allow, "open_by_handle_at", caps: ["CAP_DAC_READ_SEARCH"]),
        rule(.errno, "open_by_handle_at", errno: 1, unlessCaps: ["CAP_DAC_READ_SEARCH"]),
        rule(
            .allow, "bpf lookup_dcookie perf_event_open quotactl quotactl_fd setdomainname sethostname setns",
            caps: ["CAP_SYS_ADMIN"]),
        rule(
            .errno, "lookup_dcookie quotactl quotactl_fd setdomainname sethostname setns",
            errno: 1, unlessCaps: ["CAP_SYS_ADMIN"]),
        rule(.allow, "chroot", caps: ["CAP_SYS_CHROOT"]),
        rule(.errno, "chroot", errno: 1, unlessCaps: ["CAP_SYS_CHROOT"]),
        rule(.allow, "delete_module finit_module init_module query_module", caps: ["CAP_SYS_MODULE"]),
        rule(.errno, "delete_module finit_module init_module query_module", errno: 1, unlessCaps: ["CAP_SYS_MODULE"]),
        rule(.allow, "acct", caps: ["CAP_SYS_PACCT"]),
        rule(.errno, "acct", errno: 1, unlessCaps: ["CAP_SYS_PACCT"]),
        rule(.allow, "kcmp process_madvise", caps: ["CAP_SYS_PTRACE"]),
        rule(.errno, "kcmp process_madvise", errno: 1, unlessCaps: ["CAP_SYS_PTRACE"]),
        rule(.allow, "ioperm iopl", caps: ["CAP_SYS_RAWIO"]),
        rule(.errno, "ioperm iopl", errno: 1, unlessCaps: ["CAP_SYS_RAWIO"]),
        rule(.allow, "clock_settime clock_settime64 settimeofday stime", caps: ["CAP_SYS_TIME"]),
        rule(.errno, "clock_settime clock_settime64 settimeofday stime", errno: 1, unlessCaps: ["CAP_SYS_TIME"]),
        rule(.allow, "vhangup", caps: ["CAP_SYS_TTY_CONFIG"]),
        rule(.errno, "vhangup", errno: 1, unlessCaps: ["CAP_SYS_TTY_CONFIG"]),
        rule(.errno, "socket", errno: 1, args: [when(0, .equal, 40)]),
        rule(
            .errno, "socket",
            errno: 22, args: [when(0, .equal, 16), when(2, .equal, 9)], unlessCaps: ["CAP_AUDIT_WRITE"]),
        rule(.allow, "socket", args: [when(0, .equal, 16), when(2, .notEqual, 9)], unlessCaps: ["CAP_AUDIT_WRITE"]),
        rule(.allow, "socket", args: [when(0, .notEqual, 16)], unlessCaps: ["CAP_AUDIT_WRITE"]),
        rule(.allow, "socket", args: [when(0, .notEqual, 40)], caps: ["CAP_AUDIT_WRITE"]),
        rule(.errno, "bpf", errno: 1, unlessCaps: ["CAP_SYS_ADMIN", "CAP_BPF"]),
        rule(.allow, "bpf", caps: ["CAP_BPF"]),
        rule(.errno, "perf_event_open", errno: 1, unlessCaps: ["CAP_SYS_ADMIN", "CAP_PERFMON"]),
        rule(.allow, "perf_event_open", caps: ["CAP_PERFMON"]),
    ]
}
