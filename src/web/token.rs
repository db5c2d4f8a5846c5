//! The OpenID token of a caller whose signature Cloud Run has checked.
//!
//! <https://cloud.google.com/run/docs/authenticating/service-to-service>,
//! <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::problem::Problem;

/// Far above any token that Google makes.
const LONGEST_HEADER: usize = 8 << 10;
/// What Cloud Run puts in the place of a signature that it has verified. A token that still has its signature was
/// verified by nobody.
const VERIFIED: &str = "SIGNATURE_REMOVED_BY_GOOGLE";
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// How far two clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What a token must say.
pub struct Expected<'a> {
    pub audience: &'a str,
    pub emails: &'a [String],
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    email: String,
    email_verified: bool,
    /// Seconds since 1970.
    exp: i64,
    iat: i64,
}

/// Judges the one `Authorization` header of a request.
pub(super) fn check(headers: &HeaderMap, expected: &Expected<'_>, now: Timestamp) -> Result<(), Problem> {
    let claims = bearer(headers).and_then(read).map_err(unproven)?;
    current(&claims, now).map_err(unproven)?;
    if claims.aud != expected.audience {
        return Err(Problem::new(StatusCode::FORBIDDEN, "the token is for another audience"));
    }
    if !expected.emails.iter().any(|email| email.eq_ignore_ascii_case(&claims.email)) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "the token's e-mail address is not one that may do this"));
    }
    Ok(())
}

fn unproven(why: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, why)
}

fn bearer(headers: &HeaderMap) -> Result<&str, &'static str> {
    // Where both are sent, Cloud Run checks this one and leaves `Authorization` to whoever wrote it.
    if headers.contains_key("x-serverless-authorization") {
        return Err("X-Serverless-Authorization is not taken: send the token as Authorization alone");
    }
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err("expected exactly one Authorization header");
    };
    if value.len() > LONGEST_HEADER {
        return Err("the Authorization header is longer than 8 KiB");
    }
    let text = value.to_str().map_err(|_| "the Authorization header is not plain text")?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err("the Authorization header is no bearer token"),
    }
}

fn read(token: &str) -> Result<Claims, &'static str> {
    let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        return Err("the token is no JSON Web Token");
    };
    if signature != VERIFIED {
        return Err("the token was not verified: it must come through Cloud Run's IAM check");
    }
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| "the token's claims are not base64url")?;
    serde_json::from_slice(&claims).map_err(|_| "the token lacks one of iss, aud, email, email_verified, exp, iat")
}

fn current(claims: &Claims, now: Timestamp) -> Result<(), &'static str> {
    let at = |seconds| Timestamp::from_second(seconds).map_err(|_| "the token's times are no times");
    if !ISSUERS.contains(&claims.iss.as_str()) {
        return Err("the token's issuer is not Google");
    }
    if !claims.email_verified {
        return Err("the token's e-mail address is not verified");
    }
    if now.duration_since(at(claims.exp)?) > SKEW {
        return Err("the token has expired");
    }
    if at(claims.iat)?.duration_since(now) > SKEW {
        return Err("the token is of the future");
    }
    Ok(())
}
