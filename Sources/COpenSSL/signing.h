// The private half of libcrypto as the target RoostCrypto sees it: keys that sign tokens for whoever
// operates a node or tries it out. A node itself signs nothing with a private key.

#ifndef ROOST_COPENSSL_SIGNING_H
#define ROOST_COPENSSL_SIGNING_H

#include "keys.h"

// The private key in a PEM text, of any of the forms that OpenSSL writes. NULL when there is none, or
// when it lies under a password.
static inline EVP_PKEY *roost_pair_pem(const void *text, size_t count) {
  if (count > INT_MAX) return NULL;
  BIO *bio = BIO_new_mem_buf(text, (int)count);
  if (bio == NULL) return NULL;
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, roost_no_password, NULL);
  BIO_free(bio);
  ERR_clear_error();
  return key;
}

// A pair of a type from its parameters. NULL when they are no pair.
static inline EVP_PKEY *roost_pair_from(const char *type, OSSL_PARAM_BLD *builder, int complete) {
  EVP_PKEY *key = NULL;
  OSSL_PARAM *parameters = complete ? OSSL_PARAM_BLD_to_param(builder) : NULL;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  if (parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1) {
    if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) != 1) key = NULL;
  }
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  ERR_clear_error();
  return key;
}

// The RSA pair of the numbers n, e, d and, where `count` is 8, p, q, dp, dq, qi, each big-endian.
static inline EVP_PKEY *roost_pair_rsa(
    const unsigned char *const *numbers, const size_t *lengths, size_t count) {
  static const char *const names[8] = {
      OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
      OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
      OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
      OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
  };
  BIGNUM *read[8] = {NULL};
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  int complete = builder != NULL && (count == 3 || count == 8);
  for (size_t place = 0; complete && place < count; place++) {
    read[place] = lengths[place] <= 4096 ? BN_secure_new() : NULL;
    complete = read[place] != NULL
               && BN_bin2bn(numbers[place], (int)lengths[place], read[place]) != NULL
               && OSSL_PARAM_BLD_push_BN(builder, names[place], read[place]) == 1;
  }
  EVP_PKEY *key = roost_pair_from("RSA", builder, complete);
  OSSL_PARAM_BLD_free(builder);
  for (size_t place = 0; place < 8; place++) BN_clear_free(read[place]);
  return key;
}

// The pair of a curve with this point, 0x04 and both coordinates, and this secret number.
static inline EVP_PKEY *roost_pair_ec(
    const char *curve, const unsigned char *point, size_t count, const unsigned char *secret,
    size_t secret_count) {
  if (secret_count > 4096) return NULL;
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  BIGNUM *number = BN_secure_new();
  int complete =
      builder != NULL && number != NULL && BN_bin2bn(secret, (int)secret_count, number) != NULL
      && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1
      && OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, count) == 1
      && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1;
  EVP_PKEY *key = roost_pair_from("EC", builder, complete);
  OSSL_PARAM_BLD_free(builder);
  BN_clear_free(number);
  return key;
}

static inline EVP_PKEY *roost_pair_ed25519(const unsigned char *bytes, size_t count) {
  EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, count);
  ERR_clear_error();
  return key;
}

// Writes the public half as PEM; returns its length, or 0 when it does not fit.
static inline size_t roost_pair_public_pem(EVP_PKEY *key, unsigned char *text, size_t count) {
  BIO *bio = BIO_new(BIO_s_mem());
  size_t length = 0;
  if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1 && (size_t)BIO_pending(bio) <= count) {
    if (BIO_read_ex(bio, text, count, &length) != 1) length = 0;
  }
  BIO_free(bio);
  ERR_clear_error();
  return length;
}

// Writes the signature of a message; returns its length, or 0. `sha2_bits` and `pss` are those of
// `roost_verify`.
static inline size_t roost_sign(
    EVP_PKEY *key, int sha2_bits, int pss, const unsigned char *message, size_t count,
    unsigned char *signature, size_t signature_count) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  EVP_PKEY_CTX *inner = NULL;
  const EVP_MD *digest = sha2_bits == 0 ? NULL : roost_sha2(sha2_bits);
  int good = context != NULL && EVP_DigestSignInit(context, &inner, digest, NULL, key) == 1;
  if (good && pss) {
    good = EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1
           && EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  good = good && EVP_DigestSign(context, signature, &signature_count, message, count) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return good ? signature_count : 0;
}

// The same for a curve, as RFC 7518 3.4 writes it: both numbers, each of half the bytes. 1, or 0.
static inline int roost_sign_ec(
    EVP_PKEY *key, int sha2_bits, const unsigned char *message, size_t count,
    unsigned char *signature, size_t signature_count) {
  unsigned char der[256];
  const unsigned char *start = der;
  size_t der_count = roost_sign(key, sha2_bits, 0, message, count, der, sizeof der);
  if (der_count == 0) return 0;
  ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &start, (long)der_count);
  if (pair == NULL) return 0;
  int half = (int)(signature_count / 2);
  int good = BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, half) == half
             && BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + half, half) == half;
  ECDSA_SIG_free(pair);
  return good;
}

#endif
