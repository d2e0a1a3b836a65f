/* Takes the bot's place in its unit and tries to get out. Writes one line a way to probe.txt in the state folder:
 * `GROUP: WAY: refused (WHY)` or `GROUP: WAY: WORKED`. C, because most ways out are calls that the project's Rust cannot
 * make: it has no unsafe code. With PROBE_LANDLOCK=1 it first confines itself as the bot does; with PROBE_PANIC=1 it
 * crashes at once. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#define STATE "/var/lib/tradingbot"
#define TRY(group, way, call) report(group, way, (errno = 0, (long)(call)))
#define CALL(group, name, ...) TRY(group, #name, syscall(SYS_##name, ##__VA_ARGS__))

static FILE *out;

static void report(const char *group, const char *way, long result) {
    int why = errno;
    /* Refused by the address family is the same refusal, and a call the kernel does not have is no way out. */
    if (result >= 0)
        fprintf(out, "%s: %s: WORKED\n", group, way);
    else
        fprintf(out, "%s: %s: refused (%s)\n", group, way, strerrorname_np(why));
    fflush(out);
}

static long may_read(const char *path) {
    char byte;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return -1;
    long got = read(file, &byte, 1);
    int why = errno;
    /* A folder that can be opened can be listed; from the rest it could read if there were something, or it were set up. */
    if (got < 0 && (why == EISDIR || why == EAGAIN || why == EBADFD))
        got = 0;
    close(file);
    errno = why;
    return got;
}

static long may_write(const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return -1;
    close(file);
    return 0;
}

static long may_overwrite(const char *path) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    close(file);
    return 0;
}

/* Moved away and back: a program that runs cannot be opened to be written to, wherever it is. */
static long may_replace(const char *path, const char *away) {
    if (rename(path, away) < 0)
        return -1;
    return rename(away, path);
}

static long may_connect(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int talk = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (talk < 0)
        return -1;
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    long result = connect(talk, (struct sockaddr *)&address, sizeof address);
    int why = errno;
    close(talk);
    errno = why;
    return result;
}

static long may_bind(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0probe"};
    int talk = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (talk < 0)
        return -1;
    long result = bind(talk, (struct sockaddr *)&address, sizeof address);
    int why = errno;
    close(talk);
    errno = why;
    return result;
}

static long may_bind_tcp(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int talk = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (talk < 0)
        return -1;
    long result = bind(talk, (struct sockaddr *)&at, sizeof at);
    int why = errno;
    close(talk);
    errno = why;
    return result;
}

static long may_reach(const char *address, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    unsigned char b[4];
    sscanf(address, "%hhu.%hhu.%hhu.%hhu", &b[0], &b[1], &b[2], &b[3]);
    memcpy(&to.sin_addr, b, 4);
    int talk = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (talk < 0)
        return -1;
    long result = connect(talk, (struct sockaddr *)&to, sizeof to);
    if (result < 0 && errno == EINPROGRESS) {
        struct timespec wait = {1, 0};
        nanosleep(&wait, NULL);
        result = connect(talk, (struct sockaddr *)&to, sizeof to);
        if (result < 0 && errno == EISCONN)
            result = 0;
    }
    int why = errno;
    close(talk);
    errno = why;
    return result;
}

/* Ends a child that has not become another program, and says why it has not. Not by stdio: that asks for calls of its own, and
   when one is refused, nothing is said, as if the program had run. */
static void end(int tell) {
    char why = errno > 127 ? 1 : (char)errno;
    _exit(write(tell, &why, 1) == 1 ? 1 : 2);
}

/* Whether this process can become another program. The child closes the pipe when it does, and else says why not. */
static long may_become(const char *program, char *const arguments[], int by_execveat) {
    int tell[2];
    char why = 0;
    if (pipe2(tell, O_CLOEXEC) < 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        if (by_execveat)
            syscall(SYS_execveat, AT_FDCWD, program, arguments, NULL, 0);
        else
            execv(program, arguments);
        end(tell[1]);
    }
    close(tell[1]);
    long got = child < 0 ? 1 : read(tell[0], &why, 1);
    close(tell[0]);
    errno = why;
    return got == 0 ? 0 : -1;
}

/* Whether the loader runs a program: that it was started says nothing, so the program says it itself. */
static long may_load(const char *program) {
    int tell[2];
    char heard = 0, number[16];
    if (pipe2(tell, 0) < 0)
        return -1;
    snprintf(number, sizeof number, "%d", tell[1]);
    char *const arguments[] = {"ld.so", (char *)program, "again", number, NULL};
    pid_t child = fork();
    if (child == 0) {
        close(tell[0]);
        execv("/lib64/ld-linux-x86-64.so.2", arguments);
        end(tell[1]);
    }
    close(tell[1]);
    long got = read(tell[0], &heard, 1);
    close(tell[0]);
    errno = got == 1 ? heard : EACCES; /* silence: it could not be loaded */
    return got == 1 && heard == 'x' ? 0 : -1;
}

static char image[4 << 20];
static long image_bytes;

/* This program, read before it is confined: afterwards it could not be copied, and what follows would show nothing. */
static int read_self(void) {
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return -1;
    for (long got; (got = read(from, image + image_bytes, sizeof image - image_bytes)) > 0;)
        image_bytes += got;
    close(from);
    return image_bytes > 0 && image_bytes < (long)sizeof image ? 0 : -1;
}

static void copy_self(int to) {
    for (long done = 0, put; done < image_bytes; done += put)
        if ((put = write(to, image + done, image_bytes - done)) <= 0)
            return;
}

static void programs(void) {
    const char *g = "exec";
    char path[64];
    char *const shell[] = {"sh", "-c", ":", NULL}, *const again[] = {"tradingbot", "again", NULL};
    int dropped = open(STATE "/dropped", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (dropped >= 0) {
        copy_self(dropped);
        close(dropped);
    }
    TRY(g, "shell", may_become("/bin/sh", shell, 0));
    TRY(g, "itself", may_become("/usr/bin/tradingbot", again, 0));
    TRY(g, "a file it wrote", may_become(STATE "/dropped", again, 0));
    TRY(g, "a file it wrote, by the loader", may_load(STATE "/dropped"));
    int hidden = syscall(SYS_memfd_create, "x", 0);
    if (hidden >= 0)
        copy_self(hidden);
    snprintf(path, sizeof path, "/proc/self/fd/%d", hidden);
    TRY(g, "a file in memory", hidden < 0 ? (errno = EPERM, -1) : may_become(path, again, 0));
    TRY(g, "execveat", may_become("/bin/sh", shell, 1));
    unlink(STATE "/dropped");
}

static void sockets(void) {
    const char *g = "network";
    TRY(g, "TCP", socket(AF_INET, SOCK_STREAM, 0));
    TRY(g, "UDP", socket(AF_INET, SOCK_DGRAM, 0));
    TRY(g, "ping", socket(AF_INET, SOCK_DGRAM, 1));
    TRY(g, "raw IP", socket(AF_INET, SOCK_RAW, 255));
    TRY(g, "multipath TCP", socket(AF_INET, SOCK_STREAM, 262));
    TRY(g, "TCP, IPv6", socket(AF_INET6, SOCK_STREAM, 0));
    TRY(g, "UDP, IPv6", socket(AF_INET6, SOCK_DGRAM, 0));
    TRY(g, "packets", socket(AF_PACKET, SOCK_RAW, 0));
    TRY(g, "netlink", socket(AF_NETLINK, SOCK_RAW, 0));
    TRY(g, "netlink, audit", socket(AF_NETLINK, SOCK_RAW, 9));
    TRY(g, "vsock", socket(40, SOCK_STREAM, 0));
    TRY(g, "kernel crypto", socket(38, SOCK_SEQPACKET, 0));
    TRY(g, "XDP", socket(44, SOCK_RAW, 0));
    TRY(g, "Bluetooth", socket(31, SOCK_RAW, 0));
    TRY(g, "key management", socket(15, SOCK_RAW, 2));
    /* There is somebody at both: `prepare` of cases/confinement.py. */
    TRY(g, "another program on this host", may_reach("127.0.0.1", 9001));
    TRY(g, "another host", may_reach("10.9.0.2", 443));
    TRY(g, "bind, TCP", may_bind_tcp(9002));
    CALL(g, io_uring_setup, 8, (char[128]){0});
    TRY(g, "bind, unix", may_bind());
    CALL(g, listen, 3, 1);
    TRY(g, "system bus", may_connect("/run/dbus/system_bus_socket"));
    TRY(g, "service manager", may_connect("/run/systemd/private"));
    TRY(g, "user database", may_connect("/run/systemd/userdb/io.systemd.DynamicUser"));
}

static void files(void) {
    static const char *const read_paths[] = {
        "/etc/passwd", "/etc/shadow", "/etc/hostname", "/etc/credstore", "/root", "/home", "/srv", "/boot", "/opt",
        "/usr/bin/dpkg", "/var/lib/dpkg/status", "/var/log", "/var/lib/tradingbot@two/ledger.sqlite", "/run/log/journal",
        "/run/systemd/units", "/proc/1/environ", "/proc/1/root/etc/passwd", "/proc/cpuinfo", "/proc/kallsyms",
        "/proc/kmsg", "/proc/sys/kernel/random/boot_id", "/sys/class/net", "/sys/kernel", "/sys/fs/cgroup",
        "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/rtc0", "/dev/net/tun",
    };
    static const char *const write_paths[] = {
        "/x", "/etc/x", "/etc/tradingbot/x", "/usr/bin/x", "/lib/x86_64-linux-gnu/x", "/run/x", "/var/x", "/var/lib/x",
        "/proc/x", "/sys/x", "/dev/x",
    };
    static const char *const overwrite_paths[] = {
        "/etc/tradingbot/tradingbot.toml", "/usr/bin/dpkg", "/lib/x86_64-linux-gnu/libc.so.6",
        "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/power/state",
    };
    for (size_t i = 0; i < sizeof read_paths / sizeof *read_paths; i++)
        TRY("read", read_paths[i], may_read(read_paths[i]));
    for (size_t i = 0; i < sizeof write_paths / sizeof *write_paths; i++)
        TRY("write", write_paths[i], may_write(write_paths[i]));
    for (size_t i = 0; i < sizeof overwrite_paths / sizeof *overwrite_paths; i++)
        TRY("write", overwrite_paths[i], may_overwrite(overwrite_paths[i]));
    TRY("write", "/usr/bin/tradingbot, replaced", may_replace("/usr/bin/tradingbot", "/usr/bin/tradingbot.away"));
    CALL("write", mknodat, AT_FDCWD, STATE "/device", S_IFCHR | 0600, 0x101);
    CALL("write", symlinkat, "/etc", AT_FDCWD, STATE "/link");
    int file = open(STATE "/suid", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    TRY("write", "setuid file", file < 0 ? -1 : fchmod(file, 04755));
    CALL("write", fchownat, AT_FDCWD, STATE "/suid", 1, 1, 0);
    unlink(STATE "/suid");
}

static void memory(void) {
    const char *g = "memory";
    TRY(g, "writable and executable", mmap(NULL, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(g, "written, then executable", mprotect(page, 4096, PROT_READ | PROT_EXEC));
    CALL(g, memfd_create, "x", 0);
    CALL(g, memfd_secret, 0);
    CALL(g, personality, 0x0400000);
    CALL(g, userfaultfd, 1);
    CALL(g, mlockall, 1);
    CALL(g, modify_ldt, 0, NULL, 0);
    CALL(g, pkey_alloc, 0, 0);
}

/* Where the first process has its memory is not known: who may not read is refused, who may is told of a wrong address. */
static long may_peek(struct iovec *vector) {
    long got = syscall(SYS_process_vm_readv, 1, vector, 1, vector, 1, 0);
    return got < 0 && errno == EFAULT ? 0 : got;
}

static void kernel(void) {
    const char *g = "kernel";
    struct timespec now = {1, 0};
    struct iovec vector = {&now, 1};
    unsigned long context = 0;
    struct sched_param real_time = {1};
    /* Not ATTACH, which would stop the first process where it works. */
    TRY(g, "ptrace", ptrace(PTRACE_SEIZE, 1, NULL, NULL));
    TRY(g, "process_vm_readv", may_peek(&vector));
    CALL(g, pidfd_open, 1, 0);
    TRY(g, "pidfd_getfd", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
    CALL(g, kcmp, 1, 1, 0, 0, 0);
    TRY(g, "signal to another", kill(1, 0));
    unsigned map[8] = {2, 4, 4, 1}; /* an array of one number */
    CALL(g, bpf, 0, map, sizeof map);
    unsigned count[16] = {1, 64, 0, 0, [10] = 0x60}; /* the processor time of this process */
    CALL(g, perf_event_open, count, 0, -1, -1, 0);
    CALL(g, keyctl, 0, -3, 1);
    CALL(g, add_key, "user", "x", "x", 1, -3);
    CALL(g, request_key, "user", "x", NULL, -3);
    CALL(g, init_module, "", 0, "");
    CALL(g, finit_module, 0, "", 0);
    CALL(g, delete_module, "x", 0);
    CALL(g, kexec_load, 0, 0, NULL, 0);
    CALL(g, reboot, 0xfee1dead, 672274793, 0, NULL);
    CALL(g, clock_settime, 0, &now);
    CALL(g, settimeofday, &now, NULL);
    CALL(g, adjtimex, (char[256]){1});
    CALL(g, syslog, 3, (char[16]){0}, 16);
    CALL(g, acct, NULL);
    CALL(g, swapon, STATE, 0);
    CALL(g, quotactl, 0x800001, NULL, 0, NULL);
    CALL(g, sethostname, "x", 1);
    CALL(g, iopl, 3);
    CALL(g, ioperm, 0, 1, 1);
    CALL(g, vhangup);
    CALL(g, io_setup, 1, &context);
    CALL(g, fanotify_init, 0, 0);
    CALL(g, inotify_init1, 0);
    CALL(g, sched_setscheduler, 0, SCHED_FIFO, &real_time);
    CALL(g, setpriority, 0, 0, -20);
}

static void world(void) {
    const char *g = "namespaces";
    unsigned handle[32] = {112}; /* bytes of it, its kind, and it */
    int mount = 0;
    TRY(g, "unshare, users", syscall(SYS_unshare, CLONE_NEWUSER));
    TRY(g, "unshare, mounts", syscall(SYS_unshare, CLONE_NEWNS));
    TRY(g, "unshare, network", syscall(SYS_unshare, CLONE_NEWNET));
    TRY(g, "setns", syscall(SYS_setns, open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), 0));
    CALL(g, mount, "x", STATE, "tmpfs", 0, NULL);
    CALL(g, umount2, STATE, 2);
    CALL(g, fsopen, "tmpfs", 0);
    CALL(g, open_tree, AT_FDCWD, "/", 1);
    CALL(g, move_mount, -1, "", -1, "", 0);
    CALL(g, pivot_root, ".", ".");
    CALL(g, name_to_handle_at, AT_FDCWD, STATE, handle, &mount, 0);
    CALL(g, open_by_handle_at, AT_FDCWD, handle, 0);
    /* Last, because it works where nothing refuses it. */
    CALL(g, chroot, STATE);
}

static void privileges(void) {
    const char *g = "privileges";
    CALL(g, setuid, 0);
    CALL(g, setgid, 0);
    CALL(g, setresuid, 0, 0, 0);
    CALL(g, setgroups, 0, NULL);
    unsigned header[2] = {0x20080522, 0}, data[6] = {1 << 21, 1 << 21, 1 << 21, 0, 0, 0};
    CALL(g, capset, header, data);
    TRY(g, "ambient capability", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
}

/* As crates/host/src/sandbox/confine.rs and src/daemon/run.rs do it. */
static int landlock(void) {
    struct {
        __u64 fs, net, scoped;
    } rules = {(1ULL << 16) - 1, 3, 3};
    __u64 read_only = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    __u64 state = read_only | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                  (1ULL << 13) | (1ULL << 14);
    int set = syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    struct landlock_path_beneath_attr config = {read_only, open("/etc/tradingbot", O_PATH | O_CLOEXEC)};
    struct landlock_path_beneath_attr own = {state, open(STATE, O_PATH | O_CLOEXEC)};
    return set < 0 || syscall(SYS_landlock_add_rule, set, 1, &config, 0) < 0 ||
           syscall(SYS_landlock_add_rule, set, 1, &own, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
           syscall(SYS_landlock_restrict_self, set, 0) < 0;
}

/* Connected to the service manager before anything is tried: afterwards its socket may be out of reach. */
static int manager(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    int talk = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (path == NULL || talk < 0)
        return -1;
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return connect(talk, (struct sockaddr *)&address, sizeof address) < 0 ? -1 : talk;
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "again") == 0)
        return count > 2 && write(atoi(arguments[2]), "x", 1) != 1;
    if (getenv("PROBE_PANIC") != NULL) {
        fprintf(stderr, "thread 'main' panicked at a planted fault\n");
        abort();
    }
    out = fopen(STATE "/probe.txt", "we");
    if (out == NULL) {
        perror("probe: the state folder cannot be written");
        return 1;
    }
    int talk = manager();
    if (read_self()) {
        perror("probe: it cannot read itself");
        return 1;
    }
    const char *confined = getenv("PROBE_LANDLOCK");
    if (confined != NULL && landlock()) {
        perror("probe: landlock");
        return 1;
    }
    sockets();
    programs();
    files();
    memory();
    kernel();
    privileges();
    world();
    fprintf(out, "end\n");
    fclose(out);
    return send(talk, "READY=1", 7, 0) != 7;
}
