// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.
//
// The program of the containers of the conformance suite, static: says what the kernel says about the process it is.
// It trusts system calls rather than /proc, so that it works in a container without mounts.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct schedule {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static void report_user(void) {
    uid_t users[3];
    gid_t groups[3], more[256];
    getresuid(&users[0], &users[1], &users[2]);
    getresgid(&groups[0], &groups[1], &groups[2]);
    printf("uid=%u %u %u\n", users[0], users[1], users[2]);
    printf("gid=%u %u %u\n", groups[0], groups[1], groups[2]);
    int count = getgroups(256, more);
    printf("groups=");
    for (int i = 0; i < count; i++) printf("%s%u", i ? " " : "", more[i]);
    mode_t mask = umask(0);
    umask(mask);
    printf("\numask=%04o\n", mask);
}

static void report_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    syscall(SYS_capget, &header, data);
    uint64_t bounding = 0, ambient = 0;
    for (int cap = 0; cap < 64; cap++) {
        if (prctl(PR_CAPBSET_READ, cap) == 1) bounding |= 1ULL << cap;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) ambient |= 1ULL << cap;
    }
#define SET(field) ((uint64_t)data[1].field << 32 | data[0].field)
    printf("effective=%llx\npermitted=%llx\ninheritable=%llx\nbounding=%llx\nambient=%llx\n",
           (long long)SET(effective), (long long)SET(permitted), (long long)SET(inheritable), (long long)bounding,
           (long long)ambient);
}

static void report_limits(void) {
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        struct rlimit limit;
        if (getrlimit(resource, &limit) == 0)
            printf("rlimit%d=%lld %lld\n", resource, (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
}

static void report_scheduling(void) {
    struct schedule schedule = {0};
    syscall(SYS_sched_getattr, 0, &schedule, sizeof schedule, 0);
    printf("policy=%u\nnice=%d\npriority=%u\nscheduleflags=%llu\n", schedule.policy, schedule.nice, schedule.priority,
           (long long)schedule.flags);
    printf("runtime=%llu\ndeadline=%llu\nperiod=%llu\n", (long long)schedule.runtime, (long long)schedule.deadline,
           (long long)schedule.period);
    printf("ioprio=%ld\n", syscall(SYS_ioprio_get, 1, 0));
    printf("personality=%x\n", personality(0xffffffff));
    int mode = -1;
    unsigned long nodes[16] = {0};
    if (syscall(SYS_get_mempolicy, &mode, nodes, 1024, 0, 0) == 0) printf("mempolicy=%x\nmemnodes=%lx\n", mode, nodes[0]);
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    printf("cpus=%d\naffinity=", CPU_COUNT(&set));
    for (int cpu = 0, first = 1; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set)) printf("%s%d", first ? "" : ",", cpu), first = 0;
    printf("\n");
}

static void report_system(void) {
    struct utsname names;
    uname(&names);
    printf("hostname=%s\ndomainname=%s\nmachine=%s\n", names.nodename, names.domainname, names.machine);
    struct timespec monotonic, boottime;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_BOOTTIME, &boottime);
    printf("monotonic=%lld\nboottime=%lld\n", (long long)monotonic.tv_sec, (long long)boottime.tv_sec);
}

static void report_process(int count, char **arguments) {
    char folder[4096];
    printf("pid=%d\nppid=%d\nsid=%d\npgid=%d\n", getpid(), getppid(), getsid(0), getpgrp());
    printf("cwd=%s\n", getcwd(folder, sizeof folder) ? folder : strerror(errno));
    for (int i = 0; i < count; i++) printf("arg%d=%s\n", i, arguments[i]);
    printf("nonewprivs=%d\nseccomp=%d\ndumpable=%d\nkeepcaps=%d\npdeathsig=", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
           prctl(PR_GET_SECCOMP), prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS));
    int death = 0;
    prctl(PR_GET_PDEATHSIG, &death);
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    printf("%d\nblocked=", death);
    for (int number = 1; number < 65; number++)
        if (sigismember(&blocked, number) == 1) printf("%d ", number);
    printf("\nignored=");
    for (int number = 1; number < 65; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) printf("%d ", number);
    }
    printf("\nfds=");
    for (int number = 0; number < 1024; number++)
        if (fcntl(number, F_GETFD) >= 0) printf("%d ", number);
    struct stat standard;
    for (int number = 0; number < 3; number++)
        if (fstat(number, &standard) == 0) printf("\nowner%d=%u", number, standard.st_uid);
    printf("\n");
}

static void report_terminal(void) {
    struct winsize size = {0};
    printf("tty=%d%d%d\n", isatty(0), isatty(1), isatty(2));
    if (ioctl(0, TIOCGWINSZ, &size) == 0) printf("size=%d %d\n", size.ws_row, size.ws_col);
    char *name = ttyname(0);
    printf("ttyname=%s\nforeground=%d\n", name ? name : "", tcgetpgrp(0) == getpgrp());
    int controlling = open("/dev/tty", O_RDWR);
    printf("controlling=%d\n", controlling >= 0);
}

static void report_files(void) {
    static const char *names[] = {"mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"};
    char path[64], target[64];
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 0) printf("ns.%s=%.*s\n", names[i], (int)length, target);
    }
    char text[64] = "";
    int file = open("/proc/self/oom_score_adj", O_RDONLY);
    if (file >= 0 && read(file, text, sizeof text - 1) > 0) printf("oom=%d\n", atoi(text));
}

static int report(int count, char **arguments, char **environment) {
    report_process(count, arguments);
    report_user();
    report_capabilities();
    report_limits();
    report_scheduling();
    report_system();
    report_terminal();
    report_files();
    for (; *environment; environment++) printf("env.%s\n", *environment);
    return 0;
}

// call NAME ARGUMENT...: one system call by name or number; prints what came back, with the name of the error.
static int call(int count, char **arguments) {
    static const struct { const char *name; long number; } known[] = {
        {"getppid", SYS_getppid}, {"getpgid", SYS_getpgid}, {"getsid", SYS_getsid}, {"sched_yield", SYS_sched_yield},
        {"sethostname", SYS_sethostname}, {"personality", SYS_personality}, {"umask", SYS_umask},
        {"sync", SYS_sync}, {"unshare", SYS_unshare}, {"clone3", SYS_clone3}, {"openat2", SYS_openat2},
        {"getpriority", SYS_getpriority}, {"chroot", SYS_chroot}, {"mknodat", SYS_mknodat}, {"setuid", SYS_setuid},
        {"setns", SYS_setns}, {"kill", SYS_kill}, {"getcwd", SYS_getcwd}, {"getuid", SYS_getuid},
    };
    long number = -1, values[6] = {0};
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, arguments[0]) == 0) number = known[i].number;
    if (number < 0) number = strtol(arguments[0], NULL, 0);
    for (int i = 1; i < count && i < 7; i++)
        values[i - 1] = arguments[i][0] == '/' ? (long)arguments[i] : (long)strtoull(arguments[i], NULL, 0);
    long result = syscall(number, values[0], values[1], values[2], values[3], values[4], values[5]);
    if (result < 0) printf("%s\n", strerrorname_np(errno));
    else printf("%ld\n", result);
    return 0;
}

// open PATH FLAGS: opens and closes; FLAGS is r, w, rw, x (execute) or m (make a device of PATH like MAJOR:MINOR).
static int try_open(const char *path, const char *flags) {
    int mode = !strcmp(flags, "r") ? O_RDONLY : !strcmp(flags, "w") ? O_WRONLY : O_RDWR;
    int file = open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (file < 0) printf("%s\n", strerrorname_np(errno));
    else printf("ok\n");
    return 0;
}

// node PATH c|b MAJOR MINOR: mknod(2).
static int try_node(char **arguments) {
    int made = syscall(SYS_mknodat, AT_FDCWD, arguments[0], (arguments[1][0] == 'c' ? S_IFCHR : S_IFBLK) | 0600,
                       (long)(atoi(arguments[2]) << 8 | atoi(arguments[3])));
    printf("%s\n", made < 0 ? strerrorname_np(errno) : "ok");
    return 0;
}

static void leave(int number) { _exit(number == SIGTERM ? 0 : number); }

// wait: until SIGTERM, as the first process of a PID namespace, which no default action ends.
static int wait_for_end(void) {
    signal(SIGTERM, leave);
    signal(SIGUSR1, leave);
    signal(SIGHUP, leave);
    signal(SIGCHLD, SIG_IGN);
    if (write(1, "waiting\n", 8) != 8) return 1;
    for (;;) pause();
}

static pid_t command_process;

static void forward(int number) { kill(command_process, number); }

// reap COMMAND...: adopts the orphans of the command, so that none of them stays a zombie. Ends as the command does, and
// has it ended when it is to end itself.
static int reap(char **command) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    // Not forwarded before there is somebody to forward to.
    sigprocmask(SIG_BLOCK, &ends, &before);
    pid_t child = command_process = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execvp(command[0], command);
        _exit(127);
    }
    signal(SIGTERM, forward);
    signal(SIGHUP, forward);
    // The command hears of the terminal's signals itself.
    signal(SIGINT, SIG_IGN);
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (;;) {
        int status;
        pid_t ended = wait(&status);
        if (ended < 0 && errno != EINTR) return 1;
        if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

// eat MEGABYTES: touches memory.
static int eat(long megabytes) {
    for (long i = 0; i < megabytes; i++) {
        char *block = malloc(1 << 20);
        if (block == NULL) return 1;
        memset(block, 1, 1 << 20);
    }
    printf("ate\n");
    return 0;
}

// forks COUNT: how many of so many children could be made.
static int forks(long count) {
    long made = 0;
    for (long i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            // Whoever reads the output need not wait for them.
            close_range(0, ~0U, 0);
            for (;;) pause();
        }
        if (child > 0) made++;
    }
    printf("%ld\n", made);
    return 0;
}

struct mount_attributes {
    uint64_t set, clear, propagation, user_namespace;
};

// A user namespace with a mapping; its process is ended.
static int mapped_namespace(void) {
    int told[2];
    char path[64], word = 0;
    if (pipe(told) < 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        word = unshare(CLONE_NEWUSER) == 0;
        if (write(told[1], &word, 1) == 1) pause();
        _exit(0);
    }
    int file = -1;
    if (read(told[0], &word, 1) == 1 && word) {
        const char *names[] = {"uid_map", "gid_map"};
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "/proc/%d/%s", (int)child, names[i]);
            int map = open(path, O_WRONLY);
            if (write(map, "0 100000 65536", 14) != 14) perror(path);
            close(map);
        }
        snprintf(path, sizeof path, "/proc/%d/ns/user", (int)child);
        file = open(path, O_RDONLY);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return file;
}

// Whether a mount of the folder can show other owners, as mount_setattr(2) itself says: 0 yes, 1 no, 2 cannot tell.
static int maps(const char *folder) {
    // The numbers are the same on every architecture: open_tree with OPEN_TREE_CLONE, mount_setattr with AT_EMPTY_PATH
    // and MOUNT_ATTR_IDMAP.
    int namespace = mapped_namespace();
    int tree = (int)syscall(428, AT_FDCWD, folder, 1);
    if (namespace < 0 || tree < 0) return perror("probe: maps"), 2;
    struct mount_attributes attributes = {.set = 0x100000, .user_namespace = (uint64_t)namespace};
    if (syscall(442, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return 0;
    if (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS) return 1;
    return perror("probe: maps"), 2;
}

int main(int count, char **arguments, char **environment) {
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    const char *what = count > 1 ? arguments[1] : "report";
    if (!strcmp(what, "report")) return report(count, arguments, environment);
    if (!strcmp(what, "wait")) return wait_for_end();
    if (!strcmp(what, "call") && count > 2) return call(count - 2, arguments + 2);
    if (!strcmp(what, "open") && count > 3) return try_open(arguments[2], arguments[3]);
    if (!strcmp(what, "node") && count > 5) return try_node(arguments + 2);
    if (!strcmp(what, "reap") && count > 2) return reap(arguments + 2);
    if (!strcmp(what, "eat") && count > 2) return eat(atol(arguments[2]));
    if (!strcmp(what, "forks") && count > 2) return forks(atol(arguments[2]));
    if (!strcmp(what, "maps") && count > 2) return maps(arguments[2]);
    if (!strcmp(what, "exit") && count > 2) return atoi(arguments[2]);
    fprintf(stderr, "probe: what is \"%s\"?\n", what);
    return 2;
}
