//! Fingerprints: what a client shows to prove that it knows the document it changes.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Eight bytes in base64, another for every other value.
pub fn of(value: &Value) -> String {
    let digest: [u8; 32] = Sha256::digest(value.to_string().as_bytes()).into();
    BASE64.encode(&digest[..8])
}
