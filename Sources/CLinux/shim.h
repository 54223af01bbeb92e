// What Glibc's Swift module leaves out: epoll, eventfd, signalfd, timerfd and a few GNU functions.
//
// _GNU_SOURCE is not defined and <sys/socket.h> is not included here: both would move SOCK_* into
// this module and change accept4's type into one that Swift cannot call. GNU-only functions are
// bound by their assembler name instead.
#ifndef ROOST_CLINUX_SHIM_H
#define ROOST_CLINUX_SHIM_H

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

/// accept4(2) with plain pointers.
int roost_accept4(int descriptor, void *address, unsigned int *length, int flags)
    __asm__("accept4");

/// sched_getaffinity(2) on a plain byte buffer.
int roost_sched_getaffinity(int process, unsigned long bytes, void *mask)
    __asm__("sched_getaffinity");

/// sched_setaffinity(2) with a plain byte buffer.
int roost_sched_setaffinity(int process, unsigned long bytes, const void *mask)
    __asm__("sched_setaffinity");

/// pthread_setname_np(3) by handle; names longer than 15 bytes are refused by the library.
int roost_pthread_setname(unsigned long thread, const char *name) __asm__("pthread_setname_np");

/// malloc_trim(3): gives free heap memory back to the system.
int roost_malloc_trim(unsigned long pad) __asm__("malloc_trim");

/// An epoll_event that carries a 64-bit token.
static inline struct epoll_event roost_epoll_event(unsigned int events, unsigned long long token) {
  struct epoll_event event;
  event.events = events;
  event.data.u64 = token;
  return event;
}

/// timerfd_create(2) on the monotonic clock, non-blocking and close-on-exec.
static inline int roost_timerfd_create(void) {
  return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

/// timerfd_settime(2) to one point in time; 0 switches the timer off.
static inline int roost_timerfd_set(int descriptor, unsigned long long nanoseconds) {
  struct itimerspec time = {{0, 0}, {0, 0}};
  time.it_value.tv_sec = (long)(nanoseconds / 1000000000ULL);
  time.it_value.tv_nsec = (long)(nanoseconds % 1000000000ULL);
  return timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &time, 0);
}

#endif
