// Keys and signatures of libcrypto as the target RoostCrypto sees them: public keys from PEM or from
// their numbers, HMAC, and the signatures that tokens carry. OpenSSL 3's interface only; what it says
// in macros, or by arguments without types, has its function here.

#ifndef ROOST_COPENSSL_KEYS_H
#define ROOST_COPENSSL_KEYS_H

#include "shim.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

// SHA-2 with so many bits.
static inline const EVP_MD *roost_sha2(int bits) {
  return bits == 512 ? EVP_sha512() : bits == 384 ? EVP_sha384() : EVP_sha256();
}

// Writes the bits / 8 bytes of the code; returns 1, or 0 when libcrypto fails.
static inline int roost_hmac(
    int bits, const void *key, size_t key_count, const unsigned char *message, size_t count,
    unsigned char *code) {
  unsigned int written = 0;
  if (key_count > INT_MAX) return 0;
  // A secret without bytes has no address, which stands for "the key of last time" here.
  const void *bytes = key_count == 0 ? "" : key;
  return HMAC(roost_sha2(bits), bytes, (int)key_count, message, count, code, &written) != NULL
         && written == (unsigned int)bits / 8;
}

// Nobody is asked for a password: a key under one is not for a server that starts by itself.
static inline int roost_no_password(char *buffer, int size, int writing, void *nothing) {
  (void)buffer, (void)size, (void)writing, (void)nothing;
  return -1;
}

// The public key in a PEM text: a SubjectPublicKeyInfo or a certificate. NULL when there is none.
static inline EVP_PKEY *roost_key_pem(const void *text, size_t count) {
  if (count > INT_MAX) return NULL;
  BIO *bio = BIO_new_mem_buf(text, (int)count);
  if (bio == NULL) return NULL;
  EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, roost_no_password, NULL);
  if (key == NULL && BIO_reset(bio) == 1) {
    X509 *certificate = PEM_read_bio_X509(bio, NULL, roost_no_password, NULL);
    if (certificate != NULL) key = X509_get_pubkey(certificate);
    X509_free(certificate);
  }
  BIO_free(bio);
  ERR_clear_error();
  return key;
}

// A public key of a type from its parameters, which are freed. NULL when they are no key.
static inline EVP_PKEY *roost_key_from(const char *type, OSSL_PARAM_BLD *builder, int complete) {
  EVP_PKEY *key = NULL;
  OSSL_PARAM *parameters = complete ? OSSL_PARAM_BLD_to_param(builder) : NULL;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  if (parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1) {
    if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) key = NULL;
  }
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  ERR_clear_error();
  return key;
}

// The RSA key with this modulus and exponent, both big-endian.
static inline EVP_PKEY *roost_key_rsa(
    const unsigned char *n, size_t n_count, const unsigned char *e, size_t e_count) {
  if (n_count > 4096 || e_count > 4096) return NULL;
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  BIGNUM *modulus = BN_bin2bn(n, (int)n_count, NULL);
  BIGNUM *exponent = BN_bin2bn(e, (int)e_count, NULL);
  int complete = builder != NULL && modulus != NULL && exponent != NULL
                 && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1
                 && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1;
  EVP_PKEY *key = roost_key_from("RSA", builder, complete);
  OSSL_PARAM_BLD_free(builder);
  BN_free(modulus);
  BN_free(exponent);
  return key;
}

// The key of a curve with this point, 0x04 and both coordinates. NULL when it is not on the curve.
static inline EVP_PKEY *roost_key_ec(const char *curve, const unsigned char *point, size_t count) {
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  int complete =
      builder != NULL
      && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1
      && OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, count) == 1;
  EVP_PKEY *key = roost_key_from("EC", builder, complete);
  OSSL_PARAM_BLD_free(builder);
  return key;
}

static inline EVP_PKEY *roost_key_ed25519(const unsigned char *bytes, size_t count) {
  EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, count);
  ERR_clear_error();
  return key;
}

// What a key is: EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519 or another number of OpenSSL's.
static inline int roost_key_type(const EVP_PKEY *key) { return EVP_PKEY_get_base_id(key); }

// Whether a key of a curve lies on it and in its group.
static inline int roost_key_is_sound(EVP_PKEY *key) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
  int sound = context != NULL && EVP_PKEY_public_check(context) == 1;
  EVP_PKEY_CTX_free(context);
  ERR_clear_error();
  return sound;
}

// Whether modulus and exponent of an RSA key are odd and the exponent has 2 to 64 bits.
static inline int roost_key_rsa_is_odd(const EVP_PKEY *key) {
  BIGNUM *n = NULL, *e = NULL;
  int is_odd = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1
               && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(n)
               && BN_is_odd(e) && BN_num_bits(e) >= 2 && BN_num_bits(e) <= 64;
  BN_free(n);
  BN_free(e);
  ERR_clear_error();
  return is_odd;
}

// Writes the name of the key's curve, with a zero behind it; returns 1, or 0 when it has none.
static inline int roost_key_curve(const EVP_PKEY *key, char *name, size_t count) {
  size_t written = 0;
  int has_name = EVP_PKEY_get_group_name(key, name, count, &written) == 1;
  ERR_clear_error();
  return has_name;
}

// Writes the 32 bytes of an Ed25519 key; returns 1, or 0 for another key.
static inline int roost_key_raw(const EVP_PKEY *key, unsigned char *bytes, size_t count) {
  size_t written = count;
  int is_whole = EVP_PKEY_get_raw_public_key(key, bytes, &written) == 1 && written == count;
  ERR_clear_error();
  return is_whole;
}

// Whether the signature is the key's for the message. `sha2_bits` 0 leaves the digest to the key's
// type; `pss` asks for RSA's probabilistic padding with a salt as long as the digest.
static inline int roost_verify(
    EVP_PKEY *key, int sha2_bits, int pss, const unsigned char *signature, size_t signature_count,
    const unsigned char *message, size_t count) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  EVP_PKEY_CTX *inner = NULL;
  const EVP_MD *digest = sha2_bits == 0 ? NULL : roost_sha2(sha2_bits);
  int good = context != NULL && EVP_DigestVerifyInit(context, &inner, digest, NULL, key) == 1;
  if (good && pss) {
    good = EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1
           && EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  good = good && EVP_DigestVerify(context, signature, signature_count, message, count) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return good;
}

// The same for a signature of a curve as RFC 7518 3.4 writes it: both numbers, half the bytes each.
static inline int roost_verify_ec(
    EVP_PKEY *key, int sha2_bits, const unsigned char *signature, size_t signature_count,
    const unsigned char *message, size_t count) {
  int half = (int)(signature_count / 2);
  unsigned char *der = NULL;
  ECDSA_SIG *pair = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(signature, half, NULL);
  BIGNUM *s = BN_bin2bn(signature + half, half, NULL);
  if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return 0;
  }
  int der_count = i2d_ECDSA_SIG(pair, &der);
  ECDSA_SIG_free(pair);
  int good = der_count > 0
             && roost_verify(key, sha2_bits, 0, der, (size_t)der_count, message, count);
  OPENSSL_free(der);
  return good;
}

#endif
