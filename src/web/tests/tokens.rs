use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;

/// The simulated cloud's time.
const NOW: i64 = 1_778_051_289;

fn door() -> ServerConfig {
    let auth = Auth::Platform(Allowed {
        audience: "https://reconciler.example".into(),
        callers: vec!["push@demo-project.iam.gserviceaccount.com".into()],
        admins: vec!["admin@example.com".into()],
    });
    ServerConfig { auth, max_concurrent: 10 }
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com",
        "aud": "https://reconciler.example",
        "email": "push@demo-project.iam.gserviceaccount.com",
        "email_verified": true,
        "iat": NOW - 60,
        "exp": NOW + 3540,
    })
}

fn with(field: &str, value: Value) -> String {
    let mut claims = claims();
    claims[field] = value;
    token(&claims)
}

fn without(field: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(field);
    token(&claims)
}

fn token(claims: &Value) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("Bearer {}.{}.SIGNATURE_REMOVED_BY_GOOGLE", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()))
}

fn request(path: &str, authorizations: &[&str]) -> Request<Body> {
    let method = if path.starts_with("/state") { "GET" } else { "POST" };
    let request = Request::builder().method(method).uri(path);
    let request = authorizations.iter().fold(request, |request, value| request.header("authorization", *value));
    request.body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_a_token_must_say() {
    let good = token(&claims());
    let cases = [
        ("good", good.clone(), 204),
        ("lower-case scheme", good.replace("Bearer", "bearer"), 204),
        ("short issuer", with("iss", json!("accounts.google.com")), 204),
        ("other issuer", with("iss", json!("https://evil.example")), 401),
        ("other audience", with("aud", json!("https://other.example")), 403),
        ("audiences", with("aud", json!(["https://reconciler.example"])), 401),
        ("other caller", with("email", json!("who@example.com")), 403),
        ("an admin", with("email", json!("admin@example.com")), 403),
        ("unverified", with("email_verified", json!(false)), 401),
        ("expired", with("exp", json!(NOW - 61)), 401),
        ("just expired", with("exp", json!(NOW - 59)), 204),
        ("of the future", with("iat", json!(NOW + 61)), 401),
        ("no time", with("exp", json!(i64::MAX)), 401),
        ("no exp", without("exp"), 401),
        ("no iat", without("iat"), 401),
        ("no iss", without("iss"), 401),
        ("no aud", without("aud"), 401),
        ("no email", without("email"), 401),
        ("no email_verified", without("email_verified"), 401),
        ("a signature", good.replace("SIGNATURE_REMOVED_BY_GOOGLE", "c2ln"), 401),
        ("no signature", good.replace("SIGNATURE_REMOVED_BY_GOOGLE", ""), 401),
        ("four parts", format!("{good}.x"), 401),
        ("no parts", "Bearer x".into(), 401),
        ("another scheme", good.replace("Bearer", "Basic"), 401),
        ("empty", String::new(), 401),
        ("too long", format!("{good}{}", "A".repeat(8192)), 401),
    ];
    let service = TestService::with(POLICY, door());
    for (name, value, expected) in cases {
        let answer = service.send(request("/", &[&value])).await;
        assert_eq!(answer.status, expected, "{name}: {}", answer.body);
        assert_eq!(answer.headers.contains_key("www-authenticate"), expected == 401, "{name}");
    }
    assert_eq!(service.send(request("/", &[])).await.status, 401);
    assert_eq!(service.send(request("/", &[&good, &good])).await.status, 401);
    let mut both = request("/", &[&good]);
    both.headers_mut().insert("x-serverless-authorization", good.parse().unwrap());
    assert_eq!(service.send(both).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn which_door_takes_whom() {
    const STATE: &str = "/state?project=demo-project&region=europe-west1";
    let (caller, admin) = (token(&claims()), with("email", json!("Admin@example.com")));
    let service = TestService::with(POLICY, door());
    for (path, by_caller, by_admin) in [("/events", 204, 403), ("/sweep", 403, 200), (STATE, 403, 200)] {
        assert_eq!(service.send(request(path, &[&caller])).await.status, by_caller, "{path}");
        assert_eq!(service.send(request(path, &[&admin])).await.status, by_admin, "{path}");
        assert_eq!(service.send(request(path, &[])).await.status, 401, "{path}");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    let mut door = door();
    if let Auth::Platform(allowed) = &mut door.auth {
        allowed.admins.clear();
    }
    assert_eq!(TestService::with(POLICY, door).send(request("/sweep", &[&caller])).await.status, 200);
}
