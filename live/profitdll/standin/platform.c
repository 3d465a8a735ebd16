#include "platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*thread_body)(void);

#ifdef _WIN32

static HANDLE session_file = INVALID_HANDLE_VALUE;

static DWORD WINAPI run(LPVOID unused) {
    (void)unused;
    thread_body();
    return 0;
}

int platform_start(platform_thread *thread, void (*body)(void)) {
    thread_body = body;
    *thread = CreateThread(0, 0, run, 0, 0, 0);
    return *thread == 0;
}

void platform_join(platform_thread thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

uint64_t platform_self(void) { return GetCurrentThreadId(); }
uint32_t platform_pid(void) { return GetCurrentProcessId(); }
void platform_sleep_us(uint32_t microseconds) { Sleep(microseconds < 1000 ? 1 : microseconds / 1000); }
int64_t platform_now_ms(void) { return (int64_t)GetTickCount64(); }

static DWORD path_of(wchar_t *path, DWORD room) {
    DWORD length = GetEnvironmentVariableW(L"PREGAO_STANDIN", path, room);
    return length < room ? length : 0;
}

void *platform_map(uint64_t size) {
    wchar_t path[1024];
    LARGE_INTEGER found;
    if (!path_of(path, 1024)) return 0;
    HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING, 0, 0);
    if (file == INVALID_HANDLE_VALUE) return 0;
    void *view = 0;
    if (GetFileSizeEx(file, &found) && (uint64_t)found.QuadPart >= size) {
        HANDLE mapping = CreateFileMappingW(file, 0, PAGE_READWRITE, 0, 0, 0);
        if (mapping) view = MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, 0, 0, (SIZE_T)size);
    }
    CloseHandle(file);
    return view;
}

int platform_lock_session(void) {
    wchar_t path[1040];
    if (!path_of(path, 1024)) return 0;
    wcscat(path, L".session");
    /* Shared with nobody: the system closes it with the process. */
    session_file = CreateFileW(path, GENERIC_WRITE, 0, 0, OPEN_ALWAYS, 0, 0);
    return session_file != INVALID_HANDLE_VALUE;
}

void platform_unlock_session(void) {
    if (session_file != INVALID_HANDLE_VALUE) CloseHandle(session_file);
    session_file = INVALID_HANDLE_VALUE;
}

#else

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int session_file = -1;

static void *run(void *unused) {
    (void)unused;
    thread_body();
    return 0;
}

int platform_start(platform_thread *thread, void (*body)(void)) {
    thread_body = body;
    return pthread_create(thread, 0, run, 0);
}

void platform_join(platform_thread thread) { pthread_join(thread, 0); }
uint64_t platform_self(void) { return (uint64_t)(uintptr_t)pthread_self(); }
uint32_t platform_pid(void) { return (uint32_t)getpid(); }

void platform_sleep_us(uint32_t microseconds) {
    struct timespec wait = {microseconds / 1000000, (int32_t)(microseconds % 1000000) * 1000};
    nanosleep(&wait, 0);
}

int64_t platform_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void *platform_map(uint64_t size) {
    struct stat found;
    const char *path = getenv("PREGAO_STANDIN");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    void *view = MAP_FAILED;
    if (fstat(file, &found) == 0 && (uint64_t)found.st_size >= size)
        view = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return view == MAP_FAILED ? 0 : view;
}

int platform_lock_session(void) {
    char path[4096];
    const char *map = getenv("PREGAO_STANDIN");
    if (!map || snprintf(path, sizeof path, "%s.session", map) >= (int)sizeof path) return 0;
    session_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (session_file < 0) return 0;
    if (flock(session_file, LOCK_EX | LOCK_NB) == 0) return 1;
    close(session_file);
    session_file = -1;
    return 0;
}

void platform_unlock_session(void) {
    if (session_file >= 0) close(session_file);
    session_file = -1;
}

#endif
