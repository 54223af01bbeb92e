// The private half of OpenSSL, for tests: pairs of keys are made here, and messages are signed.

#ifndef ROOST_CTESTKEYS_H
#define ROOST_CTESTKEYS_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static inline EVP_PKEY *roost_test_rsa(int bits, unsigned long exponent) {
  EVP_PKEY *pair = NULL;
  BIGNUM *e = BN_new();
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
  BN_set_word(e, exponent);
  if (EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits) == 1
      && EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e) == 1) {
    EVP_PKEY_generate(context, &pair);
  }
  BN_free(e);
  EVP_PKEY_CTX_free(context);
  return pair;
}

static inline EVP_PKEY *roost_test_ec(const char *curve) {
  return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}

static inline EVP_PKEY *roost_test_ed25519(void) {
  return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

// The pair in a PEM text. NULL when there is none.
static inline EVP_PKEY *roost_test_read(const unsigned char *text, size_t count) {
  BIO *bio = BIO_new_mem_buf(text, (int)count);
  EVP_PKEY *pair = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  BIO_free(bio);
  return pair;
}

static inline void roost_test_free(EVP_PKEY *pair) { EVP_PKEY_free(pair); }

// Writes the PEM text; returns its length, or 0.
static inline int roost_test_pem(EVP_PKEY *pair, int is_private, unsigned char *text, size_t count) {
  BIO *bio = BIO_new(BIO_s_mem());
  int written = is_private ? PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL)
                           : PEM_write_bio_PUBKEY(bio, pair);
  int read = written == 1 ? BIO_read(bio, text, (int)count) : 0;
  BIO_free(bio);
  return read;
}

// Writes a number of the pair, big-endian; returns its length, or 0.
static inline int roost_test_number(
    EVP_PKEY *pair, const char *name, unsigned char *bytes, size_t count) {
  BIGNUM *number = NULL;
  if (EVP_PKEY_get_bn_param(pair, name, &number) != 1) return 0;
  int length = (size_t)BN_num_bytes(number) <= count ? BN_bn2bin(number, bytes) : 0;
  BN_free(number);
  return length;
}

static inline int roost_test_raw(EVP_PKEY *pair, unsigned char *bytes) {
  size_t count = 32;
  return EVP_PKEY_get_raw_public_key(pair, bytes, &count);
}

// Writes the signature; returns its length, or 0.
static inline int roost_test_sign(
    EVP_PKEY *pair, int sha2_bits, int pss, const unsigned char *message, size_t count,
    unsigned char *signature, size_t signature_count) {
  EVP_PKEY_CTX *inner = NULL;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  const EVP_MD *digest = sha2_bits == 0     ? NULL
                         : sha2_bits == 512 ? EVP_sha512()
                         : sha2_bits == 384 ? EVP_sha384()
                                            : EVP_sha256();
  int good = EVP_DigestSignInit(context, &inner, digest, NULL, pair) == 1;
  if (good && pss) {
    good = EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1
           && EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  good = good && EVP_DigestSign(context, signature, &signature_count, message, count) == 1;
  EVP_MD_CTX_free(context);
  return good ? (int)signature_count : 0;
}

// Both numbers of a curve's signature in DER, half of the bytes each; returns 1, or 0.
static inline int roost_test_pair(
    const unsigned char *der, size_t der_count, unsigned char *bytes, size_t count) {
  ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)der_count);
  if (pair == NULL) return 0;
  int half = (int)count / 2;
  int good = BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, half) == half
             && BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + half, half) == half;
  ECDSA_SIG_free(pair);
  return good;
}

#endif
