//! A token as Pub/Sub sends it, signed with a key that this run makes.

use std::io;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

pub const AUDIENCE: &str = "https://egress-reconciler.example";
pub const CALLER: &str = "pubsub@demo-project.iam.gserviceaccount.com";
const KEY_ID: &str = "bench";
const HOUR: i64 = 3600;

pub struct Signer(KeyPair);

impl Signer {
    pub fn new() -> io::Result<Self> {
        KeyPair::generate(KeySize::Rsa2048).map(Self).map_err(io::Error::other)
    }

    /// The document at `--jwks-url`.
    pub fn keys(&self) -> Value {
        // `RSAPublicKey` of RFC 8017 has 9 bytes before the modulus of 2,048 bits.
        let modulus = URL_SAFE_NO_PAD.encode(&self.0.public_key().as_ref()[9..265]);
        json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": modulus, "e": "AQAB"}]})
    }

    /// `Bearer …`, good for an hour.
    pub fn bearer(&self) -> io::Result<String> {
        let now = Timestamp::now().as_second();
        let header = json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"});
        let claims = json!({
            "aud": AUDIENCE,
            "azp": "112233445566778899001",
            "email": CALLER,
            "email_verified": true,
            "exp": now + HOUR,
            "iat": now,
            "iss": "https://accounts.google.com",
            "sub": "112233445566778899001",
        });
        let parts = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = parts.join(".");
        let mut signature = vec![0; 256];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(io::Error::other)?;
        Ok(format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
