// TLS as the target RoostCrypto sees it: contexts, sessions between two queues of bytes, and what a
// server adds to them. Much of OpenSSL's interface is macros, which Swift cannot call.

#ifndef ROOST_COPENSSL_TLS_H
#define ROOST_COPENSSL_TLS_H

#include "keys.h"
#include <stdlib.h>
#include <time.h>

// Bytes on their way. Memory is held only while there are some: most connections are idle most of
// the time, and OpenSSL's own memory buffers keep the size of their worst moment.
typedef struct {
  unsigned char *bytes;
  size_t start, end, capacity;
} roost_bytes;

static inline size_t roost_bytes_count(const roost_bytes *queue) { return queue->end - queue->start; }

// Appends a copy; 0 when there is no memory for it.
static inline int roost_bytes_append(roost_bytes *queue, const void *bytes, size_t count) {
  if (count == 0) return 1;
  if (queue->capacity - queue->end < count) {
    size_t held = roost_bytes_count(queue);
    if (count > (size_t)INT_MAX || held > (size_t)INT_MAX) return 0;
    size_t capacity = held + count;
    if (held > 0 && capacity < held * 2) capacity = held * 2;
    unsigned char *memory = malloc(capacity);
    if (memory == NULL) return 0;
    if (held > 0) memcpy(memory, queue->bytes + queue->start, held);
    free(queue->bytes);
    *queue = (roost_bytes){memory, 0, held, capacity};
  }
  memcpy(queue->bytes + queue->end, bytes, count);
  queue->end += count;
  return 1;
}

// Drops bytes from the front, and the memory with the last of them.
static inline void roost_bytes_drop(roost_bytes *queue, size_t count) {
  queue->start += count;
  if (queue->start < queue->end) return;
  free(queue->bytes);
  *queue = (roost_bytes){NULL, 0, 0, 0};
}

// Ciphertext in and out of one session: what OpenSSL has in place of a socket.
typedef struct {
  roost_bytes in, out;
} roost_pipe;

static inline int roost_pipe_create(BIO *bio) {
  roost_pipe *pipe = calloc(1, sizeof(roost_pipe));
  if (pipe == NULL) return 0;
  BIO_set_data(bio, pipe);
  BIO_set_init(bio, 1);
  return 1;
}

static inline int roost_pipe_destroy(BIO *bio) {
  roost_pipe *pipe = BIO_get_data(bio);
  if (pipe != NULL) {
    free(pipe->in.bytes);
    free(pipe->out.bytes);
    free(pipe);
  }
  BIO_set_data(bio, NULL);
  return 1;
}

static inline int roost_pipe_read(BIO *bio, char *bytes, int most) {
  roost_pipe *pipe = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  size_t held = roost_bytes_count(&pipe->in);
  if (most <= 0) return 0;
  if (held == 0) {
    // Empty means "later"; an end is the owner's to tell.
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t count = held < (size_t)most ? held : (size_t)most;
  memcpy(bytes, pipe->in.bytes + pipe->in.start, count);
  roost_bytes_drop(&pipe->in, count);
  return (int)count;
}

static inline int roost_pipe_write(BIO *bio, const char *bytes, int count) {
  roost_pipe *pipe = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (count <= 0) return 0;
  return roost_bytes_append(&pipe->out, bytes, (size_t)count) ? count : -1;
}

static inline long roost_pipe_control(BIO *bio, int command, long number, void *pointer) {
  (void)number, (void)pointer;
  roost_pipe *pipe = BIO_get_data(bio);
  switch (command) {
  case BIO_CTRL_PENDING: return (long)roost_bytes_count(&pipe->in);
  case BIO_CTRL_WPENDING: return (long)roost_bytes_count(&pipe->out);
  // Nothing is held back that could be pushed on.
  case BIO_CTRL_FLUSH: return 1;
  default: return 0;
  }
}

// How OpenSSL reaches a pipe. NULL without memory.
static inline BIO_METHOD *roost_tls_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x7f, "roost pipe");
  if (method == NULL) return NULL;
  if (BIO_meth_set_create(method, roost_pipe_create) == 1
      && BIO_meth_set_destroy(method, roost_pipe_destroy) == 1
      && BIO_meth_set_read(method, roost_pipe_read) == 1
      && BIO_meth_set_write(method, roost_pipe_write) == 1
      && BIO_meth_set_ctrl(method, roost_pipe_control) == 1)
    return method;
  BIO_meth_free(method);
  return NULL;
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

// A session with a pipe of its own, in the role that the context has. NULL without memory.
static inline SSL *roost_tls_session(SSL_CTX *context, const BIO_METHOD *method, int is_server) {
  SSL *session = SSL_new(context);
  BIO *pipe = BIO_new(method);
  if (session == NULL || pipe == NULL) {
    SSL_free(session);
    BIO_free(pipe);
    return NULL;
  }
  SSL_set_bio(session, pipe, pipe);
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

static inline roost_pipe *roost_tls_pipe(const SSL *session) {
  return BIO_get_data(SSL_get_rbio(session));
}

static inline size_t roost_tls_pending_input(const SSL *session) {
  return roost_bytes_count(&roost_tls_pipe(session)->in);
}

static inline size_t roost_tls_pending_output(const SSL *session) {
  return roost_bytes_count(&roost_tls_pipe(session)->out);
}

// Gives ciphertext of the peer to a session; 0 when there is no memory for it.
static inline int roost_tls_feed(SSL *session, const void *bytes, size_t count) {
  return roost_bytes_append(&roost_tls_pipe(session)->in, bytes, count);
}

// The ciphertext that waits to be sent; NULL when none does. Valid until the session's next step.
static inline const unsigned char *roost_tls_output(const SSL *session) {
  const roost_bytes *out = &roost_tls_pipe(session)->out;
  return roost_bytes_count(out) > 0 ? out->bytes + out->start : NULL;
}

static inline void roost_tls_sent(SSL *session, size_t count) {
  roost_bytes_drop(&roost_tls_pipe(session)->out, count);
}

// Whether the oldest error in this thread's queue says that the peer speaks plain HTTP.
static inline int roost_tls_met_http(void) {
  unsigned long code = ERR_peek_error();
  return ERR_GET_LIB(code) == ERR_LIB_SSL
         && (ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST
             || ERR_GET_REASON(code) == SSL_R_HTTPS_PROXY_REQUEST);
}

// RFC 7301: HTTP/1.1 is the one protocol here. Who offers others only is told so.
static inline int roost_tls_choose_protocol(
    SSL *session, const unsigned char **chosen, unsigned char *chosen_count,
    const unsigned char *offered, unsigned int offered_count, void *nothing) {
  (void)session, (void)nothing;
  static const char http[] = "http/1.1";
  unsigned int place = 0;
  while (place < offered_count) {
    unsigned int count = offered[place];
    if (count > offered_count - place - 1) break;
    if (count == sizeof http - 1 && memcmp(offered + place + 1, http, count) == 0) {
      *chosen = offered + place + 1;
      *chosen_count = (unsigned char)count;
      return SSL_TLSEXT_ERR_OK;
    }
    place += 1 + count;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// What every context of a public server has. The ticket's secret is 80 bytes: a name, a key for the
// code and one for the cipher; contexts with the same secret resume each other's sessions. 0 when
// OpenSSL refuses.
static inline int roost_tls_serve(SSL_CTX *context, int only_13, const unsigned char *ticket_secret) {
  static const unsigned char realm[] = "roost";
  if (only_13 && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1) return 0;
  // Of TLS 1.2: forward secrecy and authenticated encryption only. Those of 1.3 all have both.
  if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) return 0;
  // Not the finite fields of OpenSSL's default, which cost a server many times as much.
  if (SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") != 1) return 0;
  if (SSL_CTX_set_tlsext_ticket_keys(context, (void *)ticket_secret, 80) != 1) return 0;
  if (SSL_CTX_set_session_id_context(context, realm, sizeof realm - 1) != 1) return 0;
  // One ticket is enough for a client with one connection, in seconds.
  if (SSL_CTX_set_num_tickets(context, 1) != 1) return 0;
  SSL_CTX_set_timeout(context, 7200);
  SSL_CTX_set_alpn_select_cb(context, roost_tls_choose_protocol, NULL);
  return 1;
}

// Calls `choose` with each handshake, once the name that the client wants is known.
static inline void roost_tls_choose(
    SSL_CTX *context, int (*choose)(SSL *, int *, void *), void *argument) {
  SSL_CTX_set_tlsext_servername_callback(context, choose);
  SSL_CTX_set_tlsext_servername_arg(context, argument);
}

// The next certificate of a PEM text, of which `found` were read before. NULL at its end, and when
// one cannot be read, or none was there: then `is_good` becomes 0 and the reason is in the queue.
static inline X509 *roost_pem_next(BIO *bio, int found, int *is_good) {
  X509 *certificate = PEM_read_bio_X509(bio, NULL, roost_no_password, NULL);
  if (certificate != NULL) return certificate;
  // Behind the last one there is no start of another.
  if (found > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
    ERR_clear_error();
  } else {
    *is_good = 0;
  }
  return NULL;
}

// The certificates in a PEM text: the server's own first, then those between it and its root. 0 when
// one cannot be read or used; the reason is in the queue of errors.
static inline int roost_tls_use_certificates(SSL_CTX *context, const void *text, size_t count) {
  if (count > INT_MAX) return 0;
  BIO *bio = BIO_new_mem_buf(text, (int)count);
  if (bio == NULL) return 0;
  int found = 0, is_good = 1;
  while (is_good) {
    X509 *certificate = roost_pem_next(bio, found, &is_good);
    if (certificate == NULL) break;
    if (found++ == 0) {
      is_good = SSL_CTX_use_certificate(context, certificate) == 1;
      X509_free(certificate);
    } else if (SSL_CTX_add0_chain_cert(context, certificate) != 1) {
      X509_free(certificate);
      is_good = 0;
    }
  }
  BIO_free(bio);
  return is_good;
}

// The key of the context's certificate from a PEM text; 0 when it is none, or another's.
static inline int roost_tls_use_key(SSL_CTX *context, const void *text, size_t count) {
  if (count > INT_MAX) return 0;
  BIO *bio = BIO_new_mem_buf(text, (int)count);
  if (bio == NULL) return 0;
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, roost_no_password, NULL);
  BIO_free(bio);
  if (key == NULL) return 0;
  int is_used = SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
  EVP_PKEY_free(key);
  return is_used;
}

// Who may vouch for clients, from a PEM text; they are told these names. 0 when one cannot be read.
static inline int roost_tls_trust(SSL_CTX *context, const void *text, size_t count) {
  if (count > INT_MAX) return 0;
  BIO *bio = BIO_new_mem_buf(text, (int)count);
  if (bio == NULL) return 0;
  int found = 0, is_good = 1;
  while (is_good) {
    X509 *certificate = roost_pem_next(bio, found++, &is_good);
    if (certificate == NULL) break;
    is_good = X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1
              && SSL_CTX_add_client_CA(context, certificate) == 1;
    X509_free(certificate);
  }
  BIO_free(bio);
  return is_good;
}

// Calls `each` with every DNS name that the context's certificate stands for.
static inline void roost_tls_names(
    SSL_CTX *context, void (*each)(void *, const unsigned char *, int), void *argument) {
  X509 *certificate = SSL_CTX_get0_certificate(context);
  if (certificate == NULL) return;
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  for (int place = 0; names != NULL && place < sk_GENERAL_NAME_num(names); place++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, place);
    if (name->type != GEN_DNS) continue;
    each(argument, ASN1_STRING_get0_data(name->d.dNSName), ASN1_STRING_length(name->d.dNSName));
  }
  GENERAL_NAMES_free(names);
  ERR_clear_error();
}

// When the context's certificate begins, in seconds since 1970; 0 when that cannot be read.
static inline long long roost_tls_start(SSL_CTX *context) {
  X509 *certificate = SSL_CTX_get0_certificate(context);
  struct tm start;
  if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &start) != 1) return 0;
  return (long long)timegm(&start);
}

// When the context's certificate ends, in seconds since 1970; 0 when that cannot be read.
static inline long long roost_tls_end(SSL_CTX *context) {
  X509 *certificate = SSL_CTX_get0_certificate(context);
  struct tm end;
  if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return 0;
  return (long long)timegm(&end);
}

#endif
