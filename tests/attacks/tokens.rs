//! Tokens that prove nothing.

use std::sync::atomic::Ordering;

use axum::body::Body;
use egress_reconciler::web::Auth;
use http::{HeaderValue, Request};
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{
    service::{ADMIN, AUDIENCE, CALLER, NOW, TestService, allowed, empty_world, own},
    signer::{STRIPPED, Seal, Signer, bearer},
    support::{Answer, merged},
};

fn header() -> Value {
    json!({"alg": "RS256", "kid": "ours", "typ": "JWT"})
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "azp": "1234",
        "sub": "1234",
        "email": CALLER,
        "email_verified": true,
        "iat": NOW - 60,
        "exp": NOW + 3540,
    })
}

/// A service that verifies signatures, where the signer's key is Google's.
fn verifying(signer: &Signer) -> TestService {
    let service = TestService::new(empty_world(), own());
    *service.wire.certificates.lock().unwrap() = Some(json!([signer.jwk()]));
    service
}

#[derive(Clone, Copy)]
enum Mode {
    Own,
    Platform,
}

const MODES: [Mode; 2] = [Mode::Own, Mode::Platform];

impl Mode {
    /// A service in this mode, and the seal that it asks for.
    fn open(self, signer: &Signer) -> (TestService, Seal<'_>) {
        match self {
            Self::Own => (verifying(signer), Seal::Signed(signer)),
            Self::Platform => (TestService::new(empty_world(), Auth::Platform(allowed())), STRIPPED),
        }
    }
}

/// An event that leads to no run, with these `Authorization` headers.
async fn knock(service: &TestService, path: &str, authorizations: &[&str]) -> Answer {
    let request =
        authorizations.iter().fold(Request::post(path), |request, value| request.header("authorization", *value));
    service.send(request.body(Body::from("{}")).unwrap()).await
}

/// Refused without a call to Google, and with one line that does not repeat the token.
fn check_refusal(service: &TestService, name: &str, sent: &[&str], answer: &Answer) {
    assert_eq!(service.cloud.calls().len(), 0, "{name}");
    assert_eq!(answer.headers.contains_key("www-authenticate"), answer.status == 401, "{name}");
    let lines = service.log.take();
    let refusals: Vec<_> = lines.iter().filter(|line| line["severity"] == "WARNING").collect();
    let [refusal] = refusals[..] else { panic!("{name}: {lines:?}") };
    assert_eq!(refusal["status"], answer.status, "{name}");
    let told = lines.iter().map(Value::to_string).collect::<String>() + &answer.body;
    for token in sent.iter().filter(|token| token.len() > 40) {
        assert!(!told.contains(&token[token.len() - 20..]) && !told.contains(&token[7..27]), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_token_says_is_checked_in_both_modes() {
    let cases = [
        ("good", json!({}), 204),
        ("short issuer", json!({"iss": "accounts.google.com"}), 204),
        ("written otherwise", json!({"email": CALLER.to_uppercase()}), 204),
        ("another audience", json!({"aud": "https://other.example"}), 403),
        ("our audience and a path", json!({"aud": format!("{AUDIENCE}/")}), 403),
        ("two audiences", json!({"aud": [AUDIENCE]}), 401),
        ("no audience", json!({"aud": null}), 401),
        ("another caller", json!({"email": "who@example.com"}), 403),
        ("a caller of another domain", json!({"email": format!("{CALLER}.evil.example")}), 403),
        ("no e-mail", json!({"email": null}), 401),
        ("unverified", json!({"email_verified": false}), 401),
        ("verified, in words", json!({"email_verified": "true"}), 401),
        ("nothing of verified", json!({"email_verified": null}), 401),
        ("expired", json!({"exp": NOW - 61}), 401),
        ("within the skew", json!({"exp": NOW - 59}), 204),
        ("never expires", json!({"exp": null}), 401),
        ("expires after the end of time", json!({"exp": i64::MAX}), 401),
        ("expires at a fraction", json!({"exp": 1e300}), 401),
        ("of the future", json!({"iat": NOW + 61}), 401),
        ("of no time", json!({"iat": null}), 401),
        ("another issuer", json!({"iss": "https://accounts.google.com.evil.example"}), 401),
        ("plain issuer", json!({"iss": "http://accounts.google.com"}), 401),
        ("no issuer", json!({"iss": null}), 401),
    ];
    let signer = Signer::new("ours");
    for mode in MODES {
        let (service, seal) = mode.open(&signer);
        for (name, patch, expected) in &cases {
            let token = bearer(&header().to_string(), &merged(claims(), patch).to_string(), seal);
            let answer = knock(&service, "/", &[&token]).await;
            assert_eq!(answer.status, *expected, "{name}: {}", answer.body);
            match expected {
                204 => drop(service.log.take()),
                _ => check_refusal(&service, name, &[&token], &answer),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_is_not_googles_opens_neither_mode() {
    let (signer, stranger) = (Signer::new("ours"), Signer::new("ours"));
    let good = Seal::Signed(&signer);
    let cases = [
        ("signed by another", json!({}), Seal::Signed(&stranger)),
        ("a key of its own", json!({"jwk": stranger.jwk()}), Seal::Signed(&stranger)),
        ("a key to be fetched", json!({"jku": "https://evil.example/certs", "kid": "evil"}), Seal::Signed(&stranger)),
        ("alg none", json!({"alg": "none"}), Seal::Text("")),
        ("alg None, signed", json!({"alg": "None"}), good),
        ("HS256 with the public key", json!({"alg": "HS256"}), Seal::Keyed(signer.public())),
        ("HS256 with the modulus", json!({"alg": "HS256"}), Seal::Keyed(signer.modulus())),
        ("RS256 that is an HMAC", json!({}), Seal::Keyed(signer.public())),
        ("RS512", json!({"alg": "RS512"}), good),
        ("PS256", json!({"alg": "PS256"}), good),
        ("no alg", json!({"alg": null}), good),
        ("two algs in a list", json!({"alg": ["RS256"]}), good),
        ("unknown kid", json!({"kid": "theirs"}), good),
        ("a path for a kid", json!({"kid": "../../ours"}), good),
        ("no kid", json!({"kid": null}), good),
        ("an extension we must know", json!({"crit": ["b64"], "b64": false}), good),
        ("empty signature", json!({}), Seal::Text("")),
        ("not base64", json!({}), Seal::Text("!!!!")),
        ("zeros", json!({}), Seal::Text("AAAA")),
    ];
    for mode in MODES {
        let (service, seal) = mode.open(&signer);
        for (name, patch, seal) in &cases {
            let token = bearer(&merged(header(), patch).to_string(), &claims().to_string(), *seal);
            let answer = knock(&service, "/", &[&token]).await;
            assert_eq!(answer.status, 401, "{name}: {}", answer.body);
            check_refusal(&service, name, &[&token], &answer);
        }
        // What the other mode takes, this one does not.
        for (other, expected) in [(seal, 204), (if matches!(mode, Mode::Own) { STRIPPED } else { good }, 401)] {
            let token = bearer(&header().to_string(), &claims().to_string(), other);
            assert_eq!(knock(&service, "/", &[&token]).await.status, expected);
        }
        let asked = service.wire.asked.load(Ordering::SeqCst);
        assert_eq!(asked, usize::from(matches!(mode, Mode::Own)), "a few unknown keys within a minute");
    }
}

#[tokio::test(start_paused = true)]
async fn headers_that_are_no_token() {
    let signer = Signer::new("ours");
    for mode in MODES {
        let (service, seal) = mode.open(&signer);
        let good = bearer(&header().to_string(), &claims().to_string(), seal);
        let twice = claims().to_string().replacen('{', r#"{"email":"evil@example.com","#, 1);
        let twice = bearer(&header().to_string(), &twice, seal);
        let long = format!("{good}{}", "A".repeat(10 << 10));
        let (basic, padded) = (good.replace("Bearer", "Basic"), format!("{good}=="));
        let parts: Vec<&str> = good.split('.').collect();
        let swapped = format!("{}.{}.{}", parts[0], parts[0].trim_start_matches("Bearer "), parts[2]);
        let (two, four) = (parts[..2].join("."), format!("{good}.{}", parts[2]));
        let with_space = good.replacen('.', ". ", 1);
        let cases: &[(&str, &[&str])] = &[
            ("none", &[]),
            ("two", &[&good, &good]),
            ("good and bad", &[&good, "Bearer x"]),
            ("ten KiB", &[&long]),
            ("empty", &[""]),
            ("scheme alone", &["Bearer"]),
            ("nothing after the scheme", &["Bearer "]),
            ("another scheme", &[&basic]),
            ("two tokens in one", &["Bearer a.b.c, Bearer d.e.f"]),
            ("padded", &[&padded]),
            ("a claim twice", &[&twice]),
            ("the header for the claims", &[&swapped]),
            ("two parts", &[&two]),
            ("four parts", &[&four]),
            ("a space inside", &[&with_space]),
            ("dots", &["Bearer .."]),
        ];
        for (name, sent) in cases {
            let answer = knock(&service, "/", sent).await;
            assert_eq!(answer.status, 401, "{name}: {}", answer.body);
            check_refusal(&service, name, sent, &answer);
        }
        let request = Request::post("/").header("authorization", &good).header("x-serverless-authorization", &good);
        assert_eq!(service.send(request.body(Body::empty()).unwrap()).await.status, 401);
    }
}

#[tokio::test(start_paused = true)]
async fn a_verified_token_opens_its_own_door_until_it_expires() {
    let signer = Signer::new("ours");
    let service = verifying(&signer);
    let token =
        |patch: Value| bearer(&header().to_string(), &merged(claims(), &patch).to_string(), Seal::Signed(&signer));
    let (caller, admin) = (token(json!({})), token(json!({"email": ADMIN})));
    for _ in 0..3 {
        for (path, by_caller, by_admin) in [("/events", 204, 403), ("/sweep", 403, 200)] {
            assert_eq!(knock(&service, path, &[&caller]).await.status, by_caller, "{path}");
            assert_eq!(knock(&service, path, &[&admin]).await.status, by_admin, "{path}");
        }
    }
    // Google forgets the key: what was verified counts to its end, what comes new does not.
    *service.wire.certificates.lock().unwrap() = Some(json!([Signer::new("next").jwk()]));
    service.waits(3500).await;
    assert_eq!(knock(&service, "/", &[&caller]).await.status, 204);
    service.waits(200).await;
    assert_eq!(knock(&service, "/", &[&caller]).await.status, 401, "expired");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_forged_tokens_costs_a_question_a_minute() {
    let signer = Signer::new("ours");
    let service = verifying(&signer);
    for minute in 0..3 {
        for forged in 0..300 {
            let header = merged(header(), &json!({"kid": format!("forged-{minute}-{forged}")}));
            let token = bearer(&header.to_string(), &claims().to_string(), Seal::Text("AAAA"));
            assert_eq!(knock(&service, "/", &[&token]).await.status, 401);
        }
        assert_eq!(service.wire.asked.swap(0, Ordering::SeqCst), 1);
        service.waits(60).await;
    }
    assert_eq!(service.cloud.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_certificates_nobody_comes_in_and_all_may_come_again() {
    let signer = Signer::new("ours");
    let service = TestService::new(empty_world(), own());
    let token = bearer(&header().to_string(), &claims().to_string(), Seal::Signed(&signer));
    for keys in [None, Some(json!([])), Some(json!("x")), Some(json!([{"kty": "oct", "kid": "ours", "k": "AAAA"}]))] {
        *service.wire.certificates.lock().unwrap() = keys;
        let answer = knock(&service, "/", &[&token]).await;
        assert_eq!(answer.status, 429, "{}", answer.body);
        assert!(answer.headers.contains_key("retry-after"));
        service.waits(10).await;
    }
    *service.wire.certificates.lock().unwrap() = Some(json!([signer.jwk()]));
    assert_eq!(knock(&service, "/", &[&token]).await.status, 204);
    // A day and more of silence after the keys went stale.
    *service.wire.certificates.lock().unwrap() = None;
    service.waits(20_000 + 24 * 3600).await;
    let late = json!({"iat": NOW + 110_000, "exp": NOW + 113_000});
    let late = bearer(&header().to_string(), &merged(claims(), &late).to_string(), Seal::Signed(&signer));
    assert_eq!(knock(&service, "/", &[&late]).await.status, 429);
}

/// `.ci/run` sets `PROPTEST_CASES` for more cases than the usual few hundred.
#[test]
fn a_damaged_token_is_no_token() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let signer = Signer::new("ours");
    let service = runtime.block_on(async { verifying(&signer) });
    let good = bearer(&header().to_string(), &claims().to_string(), Seal::Signed(&signer));
    let (_, token) = good.split_once(' ').unwrap();
    let cuts = vec((any::<Index>(), 0..4_usize, "[-_.=A-Za-z0-9 ]{0,3}"), 1..4);
    let damaged = TestRunner::default().run(&cuts, |cuts| {
        let mut text = good.clone();
        for (at, length, piece) in cuts {
            let from = at.index(text.len() + 1);
            text.replace_range(from..(from + length).min(text.len()), &piece);
        }
        let value = HeaderValue::from_str(&text).unwrap();
        let same = text
            .split_once(' ')
            .is_some_and(|(scheme, rest)| scheme.eq_ignore_ascii_case("bearer") && rest.trim() == token);
        let status = runtime.block_on(knock(&service, "/", &[value.to_str().unwrap()])).status;
        prop_assert_eq!(status, if same { 204 } else { 401 }, "{}", text);
        Ok(())
    });
    assert!(damaged.is_ok(), "{damaged:?}");
}
