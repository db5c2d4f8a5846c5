use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use serde_json::{Value, json};
use tokio::time::advance;

use super::*;

/// What Google answers, and how often it was asked.
#[derive(Default)]
struct Google {
    answer: std::sync::Mutex<Option<(String, u64)>>,
    asked: AtomicUsize,
}

impl Google {
    fn says(&self, keys: &Value, fresh: u64) {
        *self.answer.lock().unwrap() = Some((json!({"keys": keys}).to_string(), fresh));
    }

    fn falls_silent(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

fn keys() -> (Arc<Google>, Arc<Keys>) {
    let google = Arc::new(Google::default());
    let wire = google.clone();
    let fetch = move || {
        let wire = wire.clone();
        Box::pin(async move {
            wire.asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let answer = wire.answer.lock().unwrap().clone();
            let (json, fresh) = answer.ok_or("silence")?;
            Ok(Certificates { json: json.into(), fresh_for: Some(Duration::from_secs(fresh)) })
        }) as BoxFuture<'static, _>
    };
    (google, Keys::new(Box::new(fetch)))
}

fn jwk(id: &str) -> Value {
    json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": id, "n": URL_SAFE_NO_PAD.encode([0xc5; 256]), "e": "AQAB"})
}

async fn found(keys: &Arc<Keys>, id: &str) -> Result<bool, Unavailable> {
    keys.find(id).await.map(|key| key.is_some())
}

#[tokio::test(start_paused = true)]
async fn many_ask_and_google_is_asked_once() {
    let (google, keys) = keys();
    google.says(&json!([jwk("one")]), 3600);
    let all = (0..1000).map(|_| found(&keys, "one"));
    assert!(futures_util::future::join_all(all).await.into_iter().all(|found| found == Ok(true)));
    assert_eq!(google.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_costs_one_question_a_minute() {
    let (google, keys) = keys();
    google.says(&json!([jwk("one")]), 36_000);
    for minute in 0..5 {
        for forged in 0..200 {
            assert_eq!(found(&keys, &format!("forged-{minute}-{forged}")).await, Ok(false));
        }
        assert_eq!(google.asked(), 1, "{minute}");
        advance(EVERY).await;
    }
    google.says(&json!([jwk("one"), jwk("two")]), 36_000);
    assert_eq!(found(&keys, "two").await, Ok(true), "a key that came in the meantime");
}

#[tokio::test(start_paused = true)]
async fn keys_go_when_google_takes_them_back_and_stay_a_day_when_it_is_silent() {
    let (google, keys) = keys();
    assert_eq!(found(&keys, "one").await, Err(Unavailable));
    assert_eq!(found(&keys, "one").await, Err(Unavailable));
    assert_eq!(google.asked(), 1, "a failure is not repeated at once");
    advance(AFTER_FAILURE).await;
    google.says(&json!([jwk("one")]), 3600);
    assert_eq!(found(&keys, "one").await, Ok(true));
    advance(Duration::from_secs(3500)).await;
    google.says(&json!([jwk("two")]), 3600);
    assert_eq!((found(&keys, "one").await, google.asked()), (Ok(true), 1), "fresh keys are not asked for");
    advance(Duration::from_secs(101)).await;
    assert_eq!((found(&keys, "one").await, found(&keys, "two").await, google.asked()), (Ok(false), Ok(true), 1));
    google.falls_silent();
    advance(Duration::from_secs(3601)).await;
    assert_eq!(found(&keys, "two").await, Ok(true));
    advance(GRACE).await;
    assert_eq!(found(&keys, "two").await, Err(Unavailable));
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_while_google_is_asked_costs_nobody_the_answer() {
    let (google, keys) = keys();
    google.says(&json!([jwk("one")]), 3600);
    let hung_up = tokio::time::timeout(Duration::from_millis(100), found(&keys, "forged")).await;
    assert!(hung_up.is_err());
    assert_eq!(found(&keys, "one").await, Ok(true));
    assert_eq!(google.asked(), 1);
}

#[test]
fn only_keys_for_rs256_count() {
    let cases = [
        (json!({}), true),
        (json!({"alg": null, "use": null}), true),
        (json!({"kty": "EC"}), false),
        (json!({"kty": "oct", "k": "AQAB"}), false),
        (json!({"alg": "HS256"}), false),
        (json!({"alg": "RS512"}), false),
        (json!({"use": "enc"}), false),
        (json!({"kid": ""}), false),
        (json!({"n": "not base64url!"}), false),
    ];
    for (other, counts) in cases {
        let mut key = jwk("one");
        key.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        assert_eq!(read(json!({"keys": [key]}).to_string().as_bytes()).is_ok(), counts, "{other}");
    }
    for text in ["", "{}", "[]", r#"{"keys": []}"#, r#"{"keys": {}}"#, r#"{"keys": [3]}"#] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn signatures() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    // RSAPublicKey of RFC 8017: a header of 9 bytes, 256 of the modulus, a header of 2, 3 of the exponent.
    let der = pair.public_key().as_ref();
    let key = |n: &[u8], e: &[u8]| Key(RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() });
    let (n, e) = (&der[9..265], &der[267..]);
    let mut signature = vec![0; 256];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"said", &mut signature).unwrap();
    let mut bent = signature.clone();
    bent[200] ^= 1;
    let cases = [
        ("right", key(n, e), b"said", &signature[..], true),
        ("other words", key(n, e), b"sand", &signature, false),
        ("bent", key(n, e), b"said", &bent, false),
        ("empty", key(n, e), b"said", &[], false),
        ("cut", key(n, e), b"said", &signature[..255], false),
        ("short modulus", key(&n[..128], e), b"said", &signature[..128], false),
        ("empty modulus", key(&[], e), b"said", &signature, false),
        ("exponent one", key(n, &[1]), b"said", &signature, false),
        ("no exponent", key(n, &[]), b"said", &signature, false),
    ];
    for (name, key, message, signature, expected) in cases {
        assert_eq!(key.has_signed(message, signature), expected, "{name}");
    }
}
