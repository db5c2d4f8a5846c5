//! The OpenID token of a caller whose signature nobody has checked yet.
//!
//! <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>, <https://www.rfc-editor.org/rfc/rfc7515>

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use sha2::{Digest, Sha256};

use super::{
    keys::Keys,
    problem::Problem,
    token::{Claims, Expected, Token, unverified},
};

/// Pub/Sub sends one token for an hour; a few callers have a few each.
const MAX_VERIFIED_TOKENS: usize = 1000;

/// Verifies signatures, each token's once.
pub struct Verifier {
    keys: Arc<Keys>,
    /// What tokens said that were let in, by the tokens' SHA-256.
    verified_tokens: Mutex<HashMap<[u8; 32], Claims>>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    /// Extensions that whoever does not know them must refuse. Google names none.
    crit: Option<IgnoredAny>,
}

impl Verifier {
    pub fn new(keys: Arc<Keys>) -> Self {
        Self { keys, verified_tokens: Mutex::default() }
    }

    /// Judges a token by its signature, then by what it says.
    pub async fn check(&self, token: &str, expected: &Expected<'_>, now: Timestamp) -> Result<(), Problem> {
        let digest = Sha256::digest(token).into();
        if let Some(claims) = self.verified_tokens().get(&digest) {
            return claims.judge(expected, now);
        }
        let claims = self.verified(&Token::split(token).map_err(unverified)?).await?;
        claims.judge(expected, now)?;
        self.keep(digest, claims, now);
        Ok(())
    }

    async fn verified(&self, token: &Token<'_>) -> Result<Claims, Problem> {
        if token.is_stripped() {
            return Err(unverified(
                "the token's signature was removed: behind Cloud Run's IAM check set --auth platform",
            ));
        }
        let header: Header = token.header().map_err(unverified)?;
        // The one algorithm, whatever the token asks for: with any other the key would mean something else.
        if header.alg != "RS256" || header.crit.is_some() {
            return Err(unverified("the token is not signed with plain RS256, as Google's are"));
        }
        let signature = URL_SAFE_NO_PAD
            .decode(token.signature)
            .map_err(|_| unverified("the token's signature is not base64url"))?;
        let key = self.keys.find(&header.kid).await;
        let key = key.map_err(|_| Problem::again("Google's certificates cannot be had, so no token can be checked"))?;
        let signed = key.is_some_and(|key| key.has_signed(token.signed.as_bytes(), &signature));
        if !signed {
            return Err(unverified("the token was not signed by Google"));
        }
        token.claims().map_err(unverified)
    }

    /// Only what was let in is kept, so that strangers with tokens of their own cannot fill the room.
    fn keep(&self, digest: [u8; 32], claims: Claims, now: Timestamp) {
        let mut verified_tokens = self.verified_tokens();
        if verified_tokens.len() >= MAX_VERIFIED_TOKENS {
            verified_tokens.retain(|_, claims| !claims.has_expired(now));
        }
        if verified_tokens.len() < MAX_VERIFIED_TOKENS {
            verified_tokens.insert(digest, claims);
        }
    }

    fn verified_tokens(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Claims>> {
        self.verified_tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
