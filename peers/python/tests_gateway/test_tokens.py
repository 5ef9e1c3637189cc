"""Access tokens as another library has and reads them."""

import json
import time
import unittest
import uuid
import warnings

import trial
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk, jwt
from joserfc.errors import JoseError, SecurityWarning


def session(client: trial.Client, **more) -> OAuth2Session:
    # The trial's gateways are on this machine, by http.
    return OAuth2Session(client.id, client.secret, token_endpoint=f"{client.url}/oauth/token", **more)


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("a")
        cls.key = jwk.OKPKey.generate_key("Ed25519", {"kid": "mine"})
        published = {"keys": [cls.key.as_dict(private=False)]}
        (trial.FOLDER / "jwks.json").write_text(json.dumps(published))
        cls.by_key = trial.add_client("a", trial.ALL, "--jwks", "jwks.json")

    def setUp(self) -> None:
        # Of the name EdDSA, which RFC 9864 replaces by Ed25519, and which RFC 8037 knows.
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", SecurityWarning)

    def test_by_client_secret_basic(self) -> None:
        with session(self.client) as oauth:
            token = oauth.fetch_token(scope="accounts:read events:read")
            self.assertEqual((token["token_type"], token["scope"]), ("Bearer", "accounts:read events:read"))
            self.assertEqual(oauth.get(f"{self.client.url}/v1/accounts").status_code, 200)
            self.assertEqual(oauth.get(f"{self.client.url}/v1/customers").status_code, 403)

    def test_by_private_key_jwt(self) -> None:
        # An hour, which is the library's own choice, is too long.
        for seconds, good in ((60, True), (3600, False)):
            claims = {"exp": int(time.time()) + seconds}
            token_url = f"{self.by_key.url}/oauth/token"
            method = PrivateKeyJWT(token_url, claims=claims, alg="EdDSA", headers={"kid": "mine"})
            with session(self.by_key, token_endpoint_auth_method=method) as oauth:
                oauth.client_secret = self.key
                if not good:
                    with self.assertRaisesRegex(OAuthError, "invalid_client"):
                        oauth.fetch_token(grant_type="client_credentials")
                    continue
                oauth.fetch_token(grant_type="client_credentials")
                self.assertEqual(oauth.get(f"{self.by_key.url}/v1/accounts").status_code, 200)

    def assertion(self, **changed) -> str:
        now = int(time.time())
        claims = {
            "iss": self.by_key.id,
            "sub": self.by_key.id,
            "aud": self.by_key.url,
            "iat": now,
            "exp": now + 60,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode({"alg": "EdDSA", "kid": "mine"}, claims | changed, self.key, algorithms=["EdDSA"])

    def post(self, assertion: str) -> int:
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        form = f"grant_type=client_credentials&client_assertion_type={kind}&client_assertion={assertion}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return trial.request(self.by_key.url, "POST", "/oauth/token", headers, form.encode()).status

    def test_an_assertion_is_good_once_here_and_now(self) -> None:
        once = self.assertion()
        self.assertEqual([self.post(once), self.post(once)], [200, 401])
        now = int(time.time())
        for changed in (
            {"aud": "https://elsewhere.example"},
            {"aud": [self.by_key.url, "https://elsewhere.example"]},
            {"exp": now - 1},
            {"exp": now + 3600},
            {"nbf": now + 600},
            {"iss": self.client.id, "sub": self.client.id},
            {"sub": self.client.id},
        ):
            with self.subTest(changed):
                self.assertEqual(self.post(self.assertion(**changed)), 401)
        head, claims, _ = self.assertion().split(".")
        self.assertEqual(self.post(f"{head}.{claims}."), 401)

    def test_a_token_is_verified_by_the_published_keys(self) -> None:
        keys = jwk.KeySet.import_key_set(trial.request(self.client.url, "GET", "/.well-known/jwks.json", {}).json)
        token = jwt.decode(self.client.token(), keys, algorithms=["EdDSA"])
        self.assertEqual((token.header["typ"], token.header["alg"]), ("at+jwt", "EdDSA"))
        claims = token.claims
        self.assertEqual((claims["iss"], claims["aud"]), (self.client.url, self.client.url))
        self.assertEqual((claims["sub"], claims["client_id"]), (self.client.id, self.client.id))
        self.assertEqual(claims["exp"] - claims["iat"], 600)
        other = jwk.KeySet([jwk.OKPKey.generate_key("Ed25519", {"kid": token.header["kid"]})])
        with self.assertRaises(JoseError):
            jwt.decode(self.client.token(), other, algorithms=["EdDSA"])

    def test_a_token_that_is_not_of_this_gateway_is_refused(self) -> None:
        mine = jwk.OKPKey.generate_key("Ed25519")
        now = int(time.time())
        claims = {
            "iss": self.client.url,
            "aud": self.client.url,
            "sub": self.client.id,
            "client_id": self.client.id,
            "scope": "accounts:read",
            "iat": now,
            "exp": now + 60,
            "jti": "1",
        }
        kid = jwt.decode(
            self.client.token(),
            jwk.KeySet.import_key_set(trial.request(self.client.url, "GET", "/.well-known/jwks.json", {}).json),
            algorithms=["EdDSA"],
        ).header["kid"]
        forged = jwt.encode({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}, claims, mine, algorithms=["EdDSA"])
        symmetric = jwk.OctKey.import_key(trial.request(self.client.url, "GET", "/.well-known/jwks.json", {}).body)
        confused = jwt.encode({"alg": "HS256", "typ": "at+jwt", "kid": kid}, claims, symmetric)
        head, body, signature = self.client.token().split(".")
        elsewhere = trial.add_client("c").token()
        for token in (forged, confused, f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA", elsewhere, "", "x"):
            with self.subTest(token):
                answer = self.client.call("GET", "/v1/accounts", headers={"Authorization": f"Bearer {token}"})
                self.assertEqual((answer.status, answer.code), (401, "1011"))
                self.assertIn("www-authenticate", answer.headers)

    def test_a_client_that_is_disabled_is_refused_at_once(self) -> None:
        client = trial.add_client("a")
        client.get("/v1/accounts")
        trial.run("causeway-gateway", "clients", "disable", "--config", "a.toml", client.id)
        self.assertEqual(client.call("GET", "/v1/accounts").status, 401)
        trial.run("causeway-gateway", "clients", "enable", "--config", "a.toml", client.id)
        client.get("/v1/accounts")


if __name__ == "__main__":
    unittest.main()
