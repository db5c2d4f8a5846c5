//! Keys of our own, in the place of Google's, and tokens of every make.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub struct Signer {
    pair: KeyPair,
    id: &'static str,
}

/// What stands where the signature should.
#[derive(Clone, Copy)]
pub enum Seal<'a> {
    Signed(&'a Signer),
    /// By HMAC, with this for a secret.
    Keyed(&'a [u8]),
    /// As it is.
    Text(&'a str),
}

pub const STRIPPED: Seal<'static> = Seal::Text("SIGNATURE_REMOVED_BY_GOOGLE");

impl Signer {
    pub fn new(id: &'static str) -> Self {
        Self { pair: KeyPair::generate(KeySize::Rsa2048).unwrap(), id }
    }

    /// The modulus. `RSAPublicKey` of RFC 8017 has 9 bytes before it.
    pub fn modulus(&self) -> &[u8] {
        &self.pair.public_key().as_ref()[9..265]
    }

    /// The public key, as whoever confuses the algorithms would take it for a secret.
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub fn jwk(&self) -> Value {
        let n = URL_SAFE_NO_PAD.encode(self.modulus());
        json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.id, "n": n, "e": "AQAB"})
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; 256];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

/// `Bearer …` of these two parts, written as they stand.
pub fn bearer(header: &str, claims: &str, seal: Seal<'_>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = match seal {
        Seal::Signed(signer) => URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes())),
        Seal::Keyed(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))
        }
        Seal::Text(text) => text.to_owned(),
    };
    format!("Bearer {signed}.{signature}")
}
