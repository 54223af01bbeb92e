// OpenSSL as the target RoostCrypto sees it. The one-call digests below are macro-free C wrappers:
// OpenSSL 3's own one-call functions look their algorithm up anew with each call, which costs more
// than hashing the 60 bytes of a WebSocket key does. TLS follows behind them; much of its interface
// is macros, which Swift cannot call.

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

// A context for either role: TLS 1.2 or newer, neither compression nor renegotiation. NULL when
// there is no memory.
static inline SSL_CTX *roost_tls_context(int is_server) {
  SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
  if (context == NULL) return NULL;
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    SSL_CTX_free(context);
    return NULL;
  }
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // Idle connections give their record buffers back (34 KiB each).
  SSL_CTX_set_mode(
      context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                   | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return context;
}

// A session between two memory buffers, in the role that the context has. NULL without memory.
static inline SSL *roost_tls_session(SSL_CTX *context, int is_server) {
  SSL *session = SSL_new(context);
  BIO *input = BIO_new(BIO_s_mem());
  BIO *output = BIO_new(BIO_s_mem());
  if (session == NULL || input == NULL || output == NULL) {
    SSL_free(session);
    BIO_free(input);
    BIO_free(output);
    return NULL;
  }
  // An empty buffer means "later", not "the end".
  BIO_set_mem_eof_return(input, -1);
  BIO_set_mem_eof_return(output, -1);
  SSL_set_bio(session, input, output);
  if (is_server) {
    SSL_set_accept_state(session);
  } else {
    SSL_set_connect_state(session);
  }
  return session;
}

// Whom a client expects. A name is sent (SNI) and must be in the certificate; an address must be in
// it, too, and is not sent (RFC 6066 3).
static inline int roost_tls_expect(SSL *session, const char *name) {
  X509_VERIFY_PARAM *expected = SSL_get0_param(session);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, name) == 1) return 1;
  ERR_clear_error();
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(expected, name, 0) == 1
         && SSL_set_tlsext_host_name(session, name) == 1;
}

static inline size_t roost_tls_pending_input(const SSL *session) {
  return BIO_ctrl_pending(SSL_get_rbio(session));
}

static inline size_t roost_tls_pending_output(const SSL *session) {
  return BIO_ctrl_pending(SSL_get_wbio(session));
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
