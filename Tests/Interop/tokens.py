#!/usr/bin/env python3
"""Makes tokens with the libraries that issuers use, one of every algorithm that each of them knows.

  tokens.py NOW

Prints the JWK set of all keys, then a line for each token: the library's name, the algorithm and the
token, parted by spaces. NOW is in seconds since 1970.
"""

import base64
import json
import sys
import warnings

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

ALGORITHMS = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "EdDSA",
]
# joserfc knows RFC 9864's name of EdDSA on this curve, too, and warns of the old one.
warnings.simplefilter("ignore")


def make_key(algorithm):
    """A key as cryptography has it; bytes for HS."""
    if algorithm.startswith("HS"):
        return bytes(range(int(algorithm[2:]) // 8))
    if algorithm[:2] in ("RS", "PS"):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())
    return ed25519.Ed25519PrivateKey.generate()


def import_key(algorithm, key):
    """The same key as joserfc has it, with its name."""
    options = {"kid": algorithm, "alg": algorithm, "use": "sig"}
    if isinstance(key, bytes):
        secret = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
        return joserfc_jwk.import_key({"kty": "oct", "k": secret, **options})
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption())
    kind = {"R": "RSA", "P": "RSA", "E": "OKP" if algorithm.startswith("Ed") else "EC"}[algorithm[0]]
    return joserfc_jwk.import_key(pem, kind, options)


def main(now):
    keys = {algorithm: make_key(algorithm) for algorithm in ALGORITHMS}
    imported = {algorithm: import_key(algorithm, key) for algorithm, key in keys.items()}
    public = [key.as_dict(private=algorithm.startswith("HS")) for algorithm, key in imported.items()]
    print(json.dumps({"keys": public}))
    claims = {
        "sub": "ann", "iat": now, "exp": now + 600, "aud": ["roost"], "iss": "https://id.example",
        "rooms": [{"pattern": "chat:*", "allow": ["join"]}],
    }
    for algorithm in ALGORITHMS:
        text = jwt.encode(claims, keys[algorithm], algorithm=algorithm, headers={"kid": algorithm})
        print("PyJWT", algorithm, text)
        header = {"alg": algorithm, "kid": algorithm, "typ": "JWT"}
        text = joserfc_jwt.encode(header, claims, imported[algorithm], algorithms=[algorithm])
        print("joserfc", algorithm, text)
    header = {"alg": "Ed25519", "kid": "EdDSA"}
    text = joserfc_jwt.encode(header, claims, import_key("Ed25519", keys["EdDSA"]), algorithms=["Ed25519"])
    print("joserfc", "Ed25519", text)


main(int(sys.argv[1]))
