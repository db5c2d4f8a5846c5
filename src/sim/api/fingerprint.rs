//! Fingerprints of documents, for optimistic locking.

use base64::{Engine, prelude::BASE64_URL_SAFE};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Eight bytes in the URL-safe base64 that Compute uses.
pub fn of(value: &Value) -> String {
    let digest: [u8; 32] = Sha256::digest(value.to_string().as_bytes()).into();
    BASE64_URL_SAFE.encode(&digest[..8])
}

#[cfg(test)]
mod tests {
    #[test]
    fn fingerprints_are_spelled_as_in_urls() {
        let all: String = (0..100).map(|n| super::of(&n.into())).collect();
        assert!(all.contains(['-', '_']) && !all.contains(['+', '/']), "{all}");
    }
}
