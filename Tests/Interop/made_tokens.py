#!/usr/bin/env python3
"""Lets `roost token make` sign with keys that these libraries made, and verifies what comes out.

  made_tokens.py ROOST

Every algorithm, with the key as PEM, as a JWK and out of a JWK set, verified by PyJWT and by joserfc;
and the other way round: `roost token inspect` reads tokens of PyJWT with those private keys. ROOST is
the path of the program. Prints a line for every algorithm.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import warnings

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

warnings.simplefilter("ignore")
ALGORITHMS = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "EdDSA",
]
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_key(algorithm):
    """A key as cryptography has it; bytes for HS."""
    if algorithm.startswith("HS"):
        return bytes(range(1, int(algorithm[2:]) // 8 + 1))
    if algorithm[:2] in ("RS", "PS"):
        return RSA
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())
    return ed25519.Ed25519PrivateKey.generate()


def texts(algorithm, key):
    """The key in the forms that files have: flag and content."""
    options = {"kid": "k-" + algorithm, "alg": algorithm}
    if isinstance(key, bytes):
        secret = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
        document = {"kty": "oct", "k": secret, **options}
        yield "--secret-file", key
    else:
        for encoding in ("PKCS8", "TraditionalOpenSSL"):
            if encoding == "TraditionalOpenSSL" and algorithm == "EdDSA":
                continue
            yield "--key", key.private_bytes(
                serialization.Encoding.PEM, getattr(serialization.PrivateFormat, encoding),
                serialization.NoEncryption())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())
        kind = {"R": "RSA", "P": "RSA", "E": "OKP" if algorithm.startswith("Ed") else "EC"}[algorithm[0]]
        document = joserfc_jwk.import_key(pem, kind, options).as_dict(private=True)
    yield "--key", json.dumps(document).encode()
    other = {"kty": "oct", "k": "A" * 86, "kid": "another", "alg": "HS512"}
    yield "--key", json.dumps({"keys": [other, document]}).encode()


def run(arguments, text=""):
    return subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=60)


def check(roost, path, algorithm, key):
    public = key if isinstance(key, bytes) else key.public_key()
    for flag, content in texts(algorithm, key):
        with open(path, "wb") as file:
            file.write(content)
        made = run([
            roost, "token", "make", flag, path, "--alg", algorithm, "--kid", "k-" + algorithm,
            "--sub", "ann \u00e4\"", "--aud", "roost", "--iss", "https://id.example", "--info",
            '{"name": "Ann"}', "--room", "chat:*=join,publish", "--jti", "t1", "--expires", "1h"])
        assert made.returncode == 0, made.stderr
        token = made.stdout.strip()
        assert jwt.get_unverified_header(token) == {
            "alg": algorithm, "typ": "JWT", "kid": "k-" + algorithm}
        claims = jwt.decode(
            token, public, algorithms=[algorithm], audience="roost", issuer="https://id.example",
            options={"require": ["exp", "iat", "sub", "aud", "iss", "jti"]})
        assert claims["exp"] - claims["iat"] == 3600, claims
        assert claims["sub"] == 'ann \u00e4"' and claims["info"] == {"name": "Ann"}, claims
        assert claims["rooms"] == [{"pattern": "chat:*", "allow": ["join", "publish"]}], claims
        if isinstance(key, bytes):
            imported = joserfc_jwk.OctKey.import_key(key)
        else:
            imported = joserfc_jwk.import_key(
                public.public_bytes(
                    serialization.Encoding.PEM,
                    serialization.PublicFormat.SubjectPublicKeyInfo),
                {"R": "RSA", "P": "RSA", "E": "OKP" if algorithm == "EdDSA" else "EC"}[algorithm[0]])
        assert joserfc_jwt.decode(token, imported, algorithms=[algorithm]).claims == claims
        # The other way round, with the very same file.
        theirs = jwt.encode(claims, key, algorithm=algorithm)
        seen = run([
            roost, "token", "inspect", flag, path, "--alg", algorithm, "--aud", "roost", "--iss",
            "https://id.example"], theirs)
        assert seen.returncode == 0, seen.stdout + seen.stderr
        report = json.loads(seen.stdout)
        assert report["accepted"] is True and report["claims"] == claims, report
        forged = theirs[:-8] + ("AAAAAAAA" if theirs[-8:] != "AAAAAAAA" else "BBBBBBBB")
        seen = run([roost, "token", "inspect", flag, path, "--alg", algorithm], forged)
        assert seen.returncode == 1, seen.stdout
        assert json.loads(seen.stdout)["reason"] in ("signature", "malformed"), seen.stdout
    print(algorithm)


def main(roost):
    with tempfile.TemporaryDirectory() as folder:
        for algorithm in ALGORITHMS:
            check(roost, os.path.join(folder, "key"), algorithm, make_key(algorithm))


main(sys.argv[1])
