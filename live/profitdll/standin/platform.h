/* Threads, locks, sleeping and shared files, on Windows and on POSIX systems. */
#ifndef STANDIN_PLATFORM_H
#define STANDIN_PLATFORM_H

#include <stdint.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
typedef CRITICAL_SECTION platform_lock;
typedef HANDLE platform_thread;
#define platform_init(lock) InitializeCriticalSection(lock)
#define platform_enter(lock) EnterCriticalSection(lock)
#define platform_leave(lock) LeaveCriticalSection(lock)
#define platform_relax() YieldProcessor()
#else
#include <pthread.h>
typedef pthread_mutex_t platform_lock;
typedef pthread_t platform_thread;
#define platform_init(lock) pthread_mutex_init(lock, 0)
#define platform_enter(lock) pthread_mutex_lock(lock)
#define platform_leave(lock) pthread_mutex_unlock(lock)
#if defined(__x86_64__)
#define platform_relax() __builtin_ia32_pause()
#else
#define platform_relax() ((void)0)
#endif
#endif

#define load_acquire(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
#define store_release(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#define add_release(place, value) __atomic_fetch_add(place, value, __ATOMIC_ACQ_REL)

/* Start a thread; 0 where it runs. */
int platform_start(platform_thread *thread, void (*body)(void));
void platform_join(platform_thread thread);
uint64_t platform_self(void);
uint32_t platform_pid(void);
void platform_sleep_us(uint32_t microseconds);
int64_t platform_now_ms(void);

/* Map a file that PREGAO_STANDIN names, and hold its session's lock; 0 where there is none or it is too short. */
void *platform_map(uint64_t size);
/* Take the lock that one process at a time can hold; it falls with the process. 0 where another holds it. */
int platform_lock_session(void);
void platform_unlock_session(void);

#endif
