// Preloaded into a server under test: makes chosen calls on chosen files fail, and records what a power cut would leave.
//
//   DISK_RIG_CONTROL  file of rules, read before each call, so that a test can change them while the server runs. A rule is a
//                     line: CALL PATTERN FIRST COUNT ERRNO. COUNT matching calls from the FIRST on fail with ERRNO; with ERRNO
//                     0 they do nothing and report success, with -2 the process is killed before them, with -3 after them, and
//                     with -4 a write takes half of its first piece. CALL is write, sync, truncate, allocate, create, link,
//                     unlink, rename, mkdir, or any; PATTERN is a glob over the absolute path, in which * matches slashes too.
//   DISK_RIG_TRACE    file to which events are appended. Each is a line: KIND INODE NUMBER LENGTH PATH, and LENGTH bytes.
//   DISK_RIG_ROOT     folder whose files are recorded.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })
#define NO_FAULT -1
#define KILL_BEFORE -2
#define KILL_AFTER -3
#define SHORT_WRITE -4
#define RULES_MAX 16
#define SENT_MAX 2048

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int control = -1, trace = -1;
static char root[PATH_MAX];
static char rules[4096];
static long counts[RULES_MAX];
static long syncs;
static __thread int dying;

__attribute__((constructor)) static void begin(void) {
    // Another process may write to the same trace.
    syncs = (long)getpid() << 28;
    const char *rule_file = getenv("DISK_RIG_CONTROL"), *trace_file = getenv("DISK_RIG_TRACE"), *folder = getenv("DISK_RIG_ROOT");
    if (rule_file) control = REAL(open)(rule_file, O_RDONLY | O_CLOEXEC);
    if (trace_file) trace = REAL(open)(trace_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (folder) snprintf(root, sizeof root, "%s", folder);
}

// Under the lock. Faults are recorded wherever they are, and so is the beginning of a response, which has no path.
static void record(const char *kind, long inode, long number, size_t length, const void *bytes, const char *path) {
    char head[PATH_MAX + 128];
    if (trace < 0 || (strcmp(kind, "send") && strcmp(kind, "fault") && strncmp(path, root, strlen(root)))) return;
    int size = snprintf(head, sizeof head, "%s %ld %ld %zu %s\n", kind, inode, number, length, path);
    struct iovec parts[2] = {{head, (size_t)size}, {(void *)bytes, length}};
    if (REAL(writev)(trace, parts, 2) < 0) abort();
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void note(const char *kind, long inode, long number, size_t length, const void *bytes, const char *path) {
    int kept = errno;
    pthread_mutex_lock(&lock);
    record(kind, inode, number, length, bytes, path);
    pthread_mutex_unlock(&lock);
    if (dying && strcmp(kind, "sync-begin")) die();
    errno = kept;
}

// Returns the verdict of the rules on this call: NO_FAULT, SHORT_WRITE, the errno to fail with, or 0 to pretend.
static int fault(const char *call, const char *path) {
    char text[sizeof rules] = "", kind[32], pattern[PATH_MAX];
    long first, count;
    int code, verdict = NO_FAULT, index = 0;
    if (control < 0 || pread(control, text, sizeof text - 1, 0) <= 0) return NO_FAULT;
    pthread_mutex_lock(&lock);
    if (strcmp(text, rules)) {
        strcpy(rules, text);
        memset(counts, 0, sizeof counts);
    }
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && index < RULES_MAX; index++) {
        if (sscanf(line, "%31s %4095s %ld %ld %d", kind, pattern, &first, &count, &code) != 5) continue;
        if ((strcmp(kind, call) && strcmp(kind, "any")) || fnmatch(pattern, path, 0)) continue;
        counts[index]++;
        if (counts[index] >= first && counts[index] - first < count) {
            verdict = code;
            record("fault", 0, code, strlen(call), call, path);
        }
    }
    pthread_mutex_unlock(&lock);
    if (verdict == KILL_BEFORE) die();
    if (verdict != KILL_AFTER) return verdict;
    dying = 1;
    return NO_FAULT;
}

#define FAIL_FOR(code) do { if ((code) >= 0) { errno = (code); return (code) ? -1 : 0; } } while (0)
#define FAIL_IF_TOLD(call, path) do { int code = fault(call, path); FAIL_FOR(code); } while (0)
#define HALF(length) ((length) > 1 ? (length) / 2 : (length))

// The path of an open file; false when it is none.
static int named(int fd, char path[PATH_MAX], struct stat *found) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return path[0] == '/' && fstat(fd, found) == 0 && (S_ISREG(found->st_mode) || S_ISDIR(found->st_mode));
}

static void absolute(int folder, const char *path, char out[PATH_MAX]) {
    char base[PATH_MAX];
    struct stat found;
    if (path[0] == '/') snprintf(out, PATH_MAX, "%s", path);
    else if (folder == AT_FDCWD ? getcwd(base, sizeof base) != NULL : named(folder, base, &found)) snprintf(out, PATH_MAX, "%.2000s/%.2000s", base, path);
    else out[0] = 0;
}

static long inode_of(const char *path) {
    struct stat found;
    return lstat(path, &found) ? 0 : (long)found.st_ino;
}

static void note_written(const struct stat *file, const char *path, const struct iovec *parts, int count, off_t offset, ssize_t done) {
    for (int i = 0; i < count && done > 0; i++) {
        size_t length = (size_t)done < parts[i].iov_len ? (size_t)done : parts[i].iov_len;
        note("write", (long)file->st_ino, offset, length, parts[i].iov_base, path);
        offset += length;
        done -= length;
    }
}

// Bytes for a socket are recorded before they leave: calls that follow in the trace came too late for them.
static void note_sent(int fd, const struct iovec *parts, int count) {
    struct stat found;
    if (trace < 0 || count == 0 || parts[0].iov_len < 9 || memcmp(parts[0].iov_base, "HTTP/1.1 ", 9)) return;
    if (fstat(fd, &found) || !S_ISSOCK(found.st_mode)) return;
    note("send", 0, 0, parts[0].iov_len < SENT_MAX ? parts[0].iov_len : SENT_MAX, parts[0].iov_base, "socket");
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    char path[PATH_MAX];
    struct stat file;
    if (!named(fd, path, &file)) return REAL(pwritev)(fd, parts, count, offset);
    int code = fault("write", path);
    FAIL_FOR(code);
    struct iovec half = {parts[0].iov_base, HALF(parts[0].iov_len)};
    if (code == SHORT_WRITE) parts = &half, count = 1;
    ssize_t done = REAL(pwritev)(fd, parts, count, offset);
    note_written(&file, path, parts, count, offset, done);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    struct stat file;
    if (!named(fd, path, &file)) {
        note_sent(fd, parts, count);
        return REAL(writev)(fd, parts, count);
    }
    int code = fault("write", path);
    FAIL_FOR(code);
    struct iovec half = {parts[0].iov_base, HALF(parts[0].iov_len)};
    if (code == SHORT_WRITE) parts = &half, count = 1;
    off_t offset = fcntl(fd, F_GETFL) & O_APPEND ? file.st_size : lseek(fd, 0, SEEK_CUR);
    ssize_t done = REAL(writev)(fd, parts, count);
    note_written(&file, path, parts, count, offset, done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    char path[PATH_MAX];
    struct stat file;
    if (!named(fd, path, &file)) return REAL(pwrite)(fd, bytes, length, offset);
    int code = fault("write", path);
    FAIL_FOR(code);
    if (code == SHORT_WRITE) length = HALF(length);
    ssize_t done = REAL(pwrite)(fd, bytes, length, offset);
    note_written(&file, path, &(struct iovec){(void *)bytes, length}, 1, offset, done);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    char path[PATH_MAX];
    struct stat file;
    struct iovec part = {(void *)bytes, length};
    if (!named(fd, path, &file)) {
        note_sent(fd, &part, 1);
        return REAL(write)(fd, bytes, length);
    }
    int code = fault("write", path);
    FAIL_FOR(code);
    if (code == SHORT_WRITE) length = HALF(length);
    off_t offset = fcntl(fd, F_GETFL) & O_APPEND ? file.st_size : lseek(fd, 0, SEEK_CUR);
    ssize_t done = REAL(write)(fd, bytes, length);
    note_written(&file, path, &part, 1, offset, done);
    return done;
}

// A failed sync leaves the pages clean but not stored: no later sync of the file writes them.
static int sync_file(int fd, int (*real)(int)) {
    char path[PATH_MAX];
    struct stat file;
    if (!named(fd, path, &file)) return real(fd);
    int code = fault("sync", path);
    if (code == 0) return 0;
    long number = __atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST);
    note("sync-begin", (long)file.st_ino, number, 0, "", path);
    int result = code > 0 ? -1 : real(fd);
    if (code > 0) errno = code;
    note(result ? "sync-failed" : "sync-end", (long)file.st_ino, number, 0, "", path);
    return result;
}

int fsync(int fd) { return sync_file(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_file(fd, REAL(fdatasync)); }

int ftruncate(int fd, off_t length) {
    char path[PATH_MAX];
    struct stat file;
    if (!named(fd, path, &file)) return REAL(ftruncate)(fd, length);
    FAIL_IF_TOLD("truncate", path);
    int result = REAL(ftruncate)(fd, length);
    if (result == 0) note("truncate", (long)file.st_ino, length, 0, "", path);
    return result;
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    char path[PATH_MAX];
    struct stat file;
    if (named(fd, path, &file)) FAIL_IF_TOLD("allocate", path);
    int result = REAL(fallocate)(fd, mode, offset, length);
    if (dying) die();
    return result;
}

// As SQLite's calls expect it: the error is the result.
int posix_fallocate(int fd, off_t offset, off_t length) {
    char path[PATH_MAX];
    struct stat file;
    int code = named(fd, path, &file) ? fault("allocate", path) : NO_FAULT;
    int result = code >= 0 ? code : REAL(posix_fallocate)(fd, offset, length);
    if (dying) die();
    return result;
}

int openat(int folder, const char *name, int flags, ...) {
    char path[PATH_MAX];
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    int creates = (flags & O_CREAT) != 0;
    if (creates) {
        absolute(folder, name, path);
        creates = inode_of(path) == 0;
    }
    if (creates) {
        int code = fault("create", path);
        if (code > 0) return errno = code, -1;
    }
    int fd = REAL(openat)(folder, name, flags, mode);
    if (fd >= 0 && creates) note("create", inode_of(path), 0, 0, "", path);
    if (fd >= 0 && !creates && flags & O_TRUNC) {
        absolute(folder, name, path);
        note("truncate", inode_of(path), 0, 0, "", path);
    }
    return fd;
}

int open(const char *name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat(AT_FDCWD, name, flags, mode);
}

int link(const char *from, const char *to) {
    char path[PATH_MAX];
    absolute(AT_FDCWD, to, path);
    FAIL_IF_TOLD("link", path);
    int result = REAL(link)(from, to);
    if (result == 0) note("link", inode_of(path), 0, 0, "", path);
    return result;
}

int unlink(const char *name) {
    char path[PATH_MAX];
    absolute(AT_FDCWD, name, path);
    FAIL_IF_TOLD("unlink", path);
    int result = REAL(unlink)(name);
    if (result == 0) note("unlink", 0, 0, 0, "", path);
    return result;
}

int rename(const char *from, const char *to) {
    char old[PATH_MAX], path[PATH_MAX];
    absolute(AT_FDCWD, from, old);
    absolute(AT_FDCWD, to, path);
    FAIL_IF_TOLD("rename", path);
    int result = REAL(rename)(from, to);
    if (result == 0) note("rename", inode_of(path), 0, strlen(old), old, path);
    return result;
}

int mkdir(const char *name, mode_t mode) {
    char path[PATH_MAX];
    absolute(AT_FDCWD, name, path);
    FAIL_IF_TOLD("mkdir", path);
    int result = REAL(mkdir)(name, mode);
    if (result == 0) note("mkdir", inode_of(path), 0, 0, "", path);
    return result;
}

// The names under which programs with large file offsets call the same.
#define ALIAS(name, of) extern __typeof__(of) name __attribute__((alias(#of)))
ALIAS(open64, open);
ALIAS(openat64, openat);
ALIAS(pwrite64, pwrite);
ALIAS(pwritev64, pwritev);
ALIAS(ftruncate64, ftruncate);
ALIAS(fallocate64, fallocate);
ALIAS(posix_fallocate64, posix_fallocate);
