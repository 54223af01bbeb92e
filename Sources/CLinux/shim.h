// What Glibc's Swift module leaves out: epoll, eventfd, signalfd and three GNU functions.
//
// _GNU_SOURCE is not defined and <sys/socket.h> is not included here: both would move SOCK_* into
// this module and change accept4's type into one that Swift cannot call. GNU-only functions are
// bound by their assembler name instead.
#ifndef ROOST_CLINUX_SHIM_H
#define ROOST_CLINUX_SHIM_H

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

/// accept4(2) with plain pointers.
int roost_accept4(int descriptor, void *address, unsigned int *length, int flags)
    __asm__("accept4");

/// sched_getaffinity(2) on a plain byte buffer.
int roost_sched_getaffinity(int process, unsigned long bytes, void *mask)
    __asm__("sched_getaffinity");

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

#endif
