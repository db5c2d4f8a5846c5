use crate::{
    cli::{Command, door::Surroundings, parse},
    web::Auth,
};

/// The address and the kind of auth, or what the refusal says.
type Decided = Result<(&'static str, &'static str), &'static str>;

/// Flags, `K_SERVICE` set, `--cloud simulated`, `PORT`, and what is decided.
#[test]
fn who_is_let_in_where() {
    const PLATFORM: &str = "--auth platform --audience https://x --callers a@b.c";
    const OWN: &str = "--auth self --audience https://x --callers a@b.c";
    let open = "would accept requests from anyone";
    let cases: &[(&str, bool, bool, Option<&str>, Decided)] = &[
        ("", false, false, None, Ok(("127.0.0.1:8080", "off"))),
        ("", false, false, Some("9000"), Ok(("127.0.0.1:9000", "off"))),
        ("", false, false, Some("http"), Err("PORT is \"http\"")),
        ("--listen [::1]:1", false, false, None, Ok(("[::1]:1", "off"))),
        ("--listen 0.0.0.0:80", false, false, None, Err(open)),
        ("--listen 10.0.0.1:80 --auth off", false, false, None, Err(open)),
        ("--listen 0.0.0.0:80 --auth off", true, false, None, Err(open)),
        ("--listen 0.0.0.0:80", false, true, None, Ok(("0.0.0.0:80", "off"))),
        ("", true, false, Some("8080"), Err("on Cloud Run `--auth` has no default")),
        (PLATFORM, false, false, None, Err("this is not Cloud Run")),
        (PLATFORM, true, false, Some("8081"), Ok(("0.0.0.0:8081", "platform"))),
        ("--auth platform --audience https://x", true, false, None, Err("platform needs --callers")),
        ("--auth platform --audience https://x --callers=", true, false, None, Err("needs --callers")),
        ("--auth platform --audience https://x --callers allUsers", true, false, None, Err("found \"allUsers\"")),
        (
            "--auth platform --audience https://x --callers a@b.c --admins @",
            true,
            false,
            None,
            Err("--admins (EGRESS_A"),
        ),
        ("--auth platform --callers a@b.c", true, false, None, Err("needs --audience")),
        ("--auth platform --audience= --callers a@b.c", true, false, None, Err("needs --audience")),
        (OWN, false, false, None, Ok(("0.0.0.0:8080", "self https://www.googleapis.com/oauth2/v3/certs"))),
        (OWN, true, false, Some("8081"), Ok(("0.0.0.0:8081", "self https://www.googleapis.com/oauth2/v3/certs"))),
        (
            "--auth self --audience https://x --callers a@b.c --jwks-url http://127.0.0.1:9/certs",
            false,
            false,
            None,
            Ok(("0.0.0.0:8080", "self http://127.0.0.1:9/certs")),
        ),
        (
            "--auth self --audience https://x --callers a@b.c --jwks-url https://evil.example/certs",
            false,
            false,
            None,
            Err("found https://evil.example/certs, expected http:// on loopback"),
        ),
        (
            "--auth self --audience https://x --callers a@b.c --jwks-url http://127.0.0.1.evil.example/",
            false,
            false,
            None,
            Err("expected http:// on loopback"),
        ),
        ("--auth self --audience https://x", false, false, None, Err("self needs --callers")),
        ("--auth self --callers a@b.c", false, false, None, Err("self needs --audience")),
    ];
    for (flags, on_cloud_run, simulated, port, expected) in cases {
        let line = format!("egress-reconciler serve {flags}");
        let Ok(Command::Serve(serve)) = parse(line.split_whitespace().map(Into::into)).map(|cli| cli.command) else {
            panic!("{line}");
        };
        let around = Surroundings { on_cloud_run: *on_cloud_run, simulated: *simulated, port: port.map(str::to_owned) };
        match (serve.door.decide(&around), expected) {
            (Ok((listen, door)), Ok((address, auth))) => {
                let found = match door.auth {
                    Auth::Off => "off".to_owned(),
                    Auth::Platform(_) => "platform".to_owned(),
                    Auth::Own { certificates, .. } => format!("self {certificates}"),
                };
                assert_eq!((listen.to_string().as_str(), found.as_str()), (*address, *auth), "{line}");
            }
            (Err(refused), Err(words)) => assert!(refused.to_string().contains(words), "{line}: {refused}"),
            (found, _) => panic!("{line}: {found:?}"),
        }
    }
}
