// OpenSSL as the target RoostCrypto sees it. The one-call digests below are macro-free C wrappers:
// OpenSSL 3's own one-call functions look their algorithm up anew with each call, which costs more
// than hashing the 60 bytes of a WebSocket key does. TLS is in tls.h, keys and signatures in keys.h.

#ifndef ROOST_COPENSSL_SHIM_H
#define ROOST_COPENSSL_SHIM_H

// The low-level digest functions are marked deprecated since 3.0; they stay, and are the quick ones.
#define OPENSSL_SUPPRESS_DEPRECATED 1

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

// Writes the 20 bytes of the SHA-1 digest; returns 1, or 0 when libcrypto fails.
static inline int roost_sha1(const void *bytes, size_t count, unsigned char *digest) {
  SHA_CTX context;
  return SHA1_Init(&context) == 1 && SHA1_Update(&context, bytes, count) == 1
         && SHA1_Final(digest, &context) == 1;
}

// Writes the 32 bytes of the SHA-256 digest; returns 1, or 0 when libcrypto fails.
static inline int roost_sha256(const void *bytes, size_t count, unsigned char *digest) {
  SHA256_CTX context;
  return SHA256_Init(&context) == 1 && SHA256_Update(&context, bytes, count) == 1
         && SHA256_Final(digest, &context) == 1;
}

// Random bytes from the kernel: how many were written, or -1. Here because the interrupted call has
// to be repeated, and errno is not Swift's to read.
static inline ssize_t roost_random(void *bytes, size_t count) {
  ssize_t written;
  do {
    written = getrandom(bytes, count, 0);
  } while (written < 0 && errno == EINTR);
  return written;
}

// The oldest sentence in this thread's queue of errors, which names the cause and not what failed
// because of it; the queue is emptied. NULL when there is none.
static inline const char *roost_tls_error(void) {
  unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return NULL;
  if (ERR_SYSTEM_ERROR(code)) return strerror(ERR_GET_REASON(code));
  return ERR_reason_error_string(code);
}

#endif
