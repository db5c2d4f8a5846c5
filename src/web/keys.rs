//! Google's public keys, kept until they change.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};

use crate::app::certificates::Certificates;

/// The soonest that keys are asked for again, however many tokens name a key that nobody knows.
const EVERY: Duration = Duration::from_secs(60);
/// The same after an attempt that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// Where the answer does not say how long it is fresh.
const USUAL: Duration = Duration::from_secs(3600);
const MAX_KEY_AGE: Duration = Duration::from_secs(24 * 3600);
/// How long keys that are no longer fresh still count while no others can be had. Google shows a new key for days
/// before it signs with it: <https://cloud.google.com/docs/authentication/verifying-signatures>.
const GRACE: Duration = Duration::from_secs(24 * 3600);
/// Google has two or three.
const MAX_KEYS: usize = 32;

/// How to ask for the keys.
pub type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Certificates, String>> + Send + Sync>;

/// A key that signatures are verified with.
#[derive(Debug)]
pub struct Key(RsaPublicKeyComponents<Vec<u8>>);

/// No key is known that may still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// The keys that were last seen.
pub struct Keys {
    fetch: Fetch,
    kept: RwLock<Option<Kept>>,
    /// Whoever holds it may ask; within it, when that is allowed again.
    turn: Arc<Mutex<Option<Instant>>>,
}

struct Kept {
    by_id: HashMap<String, Arc<Key>>,
    fresh_until: Instant,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

/// <https://www.rfc-editor.org/rfc/rfc7517>, <https://www.rfc-editor.org/rfc/rfc7518#section-6.3>
#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    kty: String,
    #[serde(default)]
    kid: String,
    alg: Option<String>,
    r#use: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

impl Key {
    /// RSASSA-PKCS1-v1_5 with SHA-256, which a token calls `RS256`; moduli of 2048 bits and more.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}

impl Keys {
    pub fn new(fetch: Fetch) -> Arc<Self> {
        Arc::new(Self { fetch, kept: RwLock::default(), turn: Arc::default() })
    }

    /// The key of this id; `None` if there is no such key.
    pub async fn find(self: &Arc<Self>, id: &str) -> Result<Option<Arc<Key>>, Unavailable> {
        if let Some(key) = self.fresh(id) {
            return Ok(Some(key));
        }
        let turn = self.turn.clone().lock_owned().await;
        // Whoever had the turn before us may have brought it.
        if let Some(key) = self.fresh(id) {
            return Ok(Some(key));
        }
        if turn.is_none_or(|next| next <= Instant::now()) {
            // A task of its own: were it to end with the connection of whoever asks, strangers could prevent it.
            let refreshed = tokio::spawn(self.clone().refresh(turn)).await;
            if let Err(died) = refreshed {
                tracing::error!(error = %died, "asking for Google's certificates died");
            }
        }
        self.usable(id)
    }

    fn fresh(&self, id: &str) -> Option<Arc<Key>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref().filter(|kept| Instant::now() < kept.fresh_until)?;
        kept.by_id.get(id).cloned()
    }

    fn usable(&self, id: &str) -> Result<Option<Arc<Key>>, Unavailable> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref().filter(|kept| Instant::now() < kept.fresh_until + GRACE).ok_or(Unavailable)?;
        Ok(kept.by_id.get(id).cloned())
    }

    async fn refresh(self: Arc<Self>, mut turn: OwnedMutexGuard<Option<Instant>>) {
        let found = (self.fetch)().await.and_then(|found| Ok((read(&found.json)?, found.fresh_for)));
        let now = Instant::now();
        match found {
            Ok((by_id, fresh_for)) => {
                *turn = Some(now + EVERY);
                let fresh_until = now + fresh_for.unwrap_or(USUAL).clamp(EVERY, MAX_KEY_AGE);
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Kept { by_id, fresh_until });
            }
            Err(why) => {
                *turn = Some(now + AFTER_FAILURE);
                tracing::error!(why, "Google's certificates cannot be had; those known count for another day");
            }
        }
    }
}

/// Keys of other kinds and uses are left out.
fn read(json: &[u8]) -> Result<HashMap<String, Arc<Key>>, String> {
    let set: Set = serde_json::from_slice(json).map_err(|error| format!("no set of JSON Web Keys: {error}"))?;
    let keys: HashMap<_, _> = set.keys.into_iter().take(MAX_KEYS).filter_map(Jwk::key).collect();
    match keys.is_empty() {
        true => Err("no RSA key for RS256 is among the JSON Web Keys".to_owned()),
        false => Ok(keys),
    }
}

impl Jwk {
    fn key(self) -> Option<(String, Arc<Key>)> {
        let fits = self.kty == "RSA"
            && !self.kid.is_empty()
            && self.alg.is_none_or(|alg| alg == "RS256")
            && self.r#use.is_none_or(|purpose| purpose == "sig");
        if !fits {
            return None;
        }
        let [n, e] = [self.n, self.e].map(|number| URL_SAFE_NO_PAD.decode(number).ok());
        Some((self.kid, Arc::new(Key(RsaPublicKeyComponents { n: n?, e: e? }))))
    }
}

#[cfg(test)]
#[path = "tests/keys.rs"]
mod tests;
