//! A caller's OpenID token, and what it must say.
//!
//! <https://cloud.google.com/run/docs/authenticating/service-to-service>,
//! <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};

use super::problem::Problem;

/// Far above any token that Google makes.
const MAX_HEADER_BYTES: usize = 8 << 10;
/// What Cloud Run puts in the place of a signature that it has verified.
const VERIFIED: &str = "SIGNATURE_REMOVED_BY_GOOGLE";
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// How far two clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Who a token must come from, and whom it must be meant for.
pub struct Expected<'a> {
    pub audience: &'a str,
    pub emails: &'a [String],
}

/// A JSON Web Token, taken apart: RFC 7519 in the compact form of RFC 7515.
pub(super) struct Token<'a> {
    /// The two parts that a signature is over.
    pub signed: &'a str,
    header: &'a str,
    claims: &'a str,
    pub signature: &'a str,
}

/// What Google says of a caller. A claim that is given twice makes it no token.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    email: String,
    email_verified: bool,
    /// Seconds since 1970.
    exp: i64,
    iat: i64,
}

/// The token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    // Where both are sent, Cloud Run checks this one and leaves `Authorization` to whoever wrote it.
    if headers.contains_key("x-serverless-authorization") {
        return Err(unverified("X-Serverless-Authorization is not taken: send the token as Authorization alone"));
    }
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err(unverified("expected exactly one Authorization header"));
    };
    if value.len() > MAX_HEADER_BYTES {
        return Err(unverified("the Authorization header is longer than 8 KiB"));
    }
    let text = value.to_str().map_err(|_| unverified("the Authorization header is not plain text"))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(unverified("the Authorization header is no bearer token")),
    }
}

/// What a token says that Cloud Run has verified. One that still has its signature was verified by nobody.
pub(super) fn stripped(token: &str) -> Result<Claims, Problem> {
    let token = Token::split(token).map_err(unverified)?;
    if !token.is_stripped() {
        return Err(unverified("the token was not verified: it must come through Cloud Run's IAM check"));
    }
    token.claims().map_err(unverified)
}

pub(super) fn unverified(why: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, why)
}

impl<'a> Token<'a> {
    pub fn split(token: &'a str) -> Result<Self, &'static str> {
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            return Err("the token is no JSON Web Token");
        };
        Ok(Self { signed: &token[..header.len() + 1 + claims.len()], header, claims, signature })
    }

    pub fn is_stripped(&self) -> bool {
        self.signature == VERIFIED
    }

    pub fn header<T: DeserializeOwned>(&self) -> Result<T, &'static str> {
        part(self.header, "the token's header lacks alg or kid")
    }

    pub fn claims(&self) -> Result<Claims, &'static str> {
        part(self.claims, "the token lacks one of iss, aud, email, email_verified, exp, iat")
    }
}

fn part<T: DeserializeOwned>(text: &str, lacking: &'static str) -> Result<T, &'static str> {
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| "the token is not base64url")?;
    serde_json::from_slice(&json).map_err(|_| lacking)
}

impl Claims {
    /// 401 for a token that is not Google's or not of now, 403 for one that is meant for others or comes from others.
    pub fn judge(&self, expected: &Expected<'_>, now: Timestamp) -> Result<(), Problem> {
        self.check_issue(now).map_err(unverified)?;
        if self.aud != expected.audience {
            return Err(Problem::new(StatusCode::FORBIDDEN, "the token is for another audience"));
        }
        if !expected.emails.iter().any(|email| email.eq_ignore_ascii_case(&self.email)) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "the token's e-mail address is not one that may do this"));
        }
        Ok(())
    }

    pub fn has_expired(&self, now: Timestamp) -> bool {
        Timestamp::from_second(self.exp).is_ok_and(|exp| now.duration_since(exp) > SKEW)
    }

    fn check_issue(&self, now: Timestamp) -> Result<(), &'static str> {
        let at = |seconds| Timestamp::from_second(seconds).map_err(|_| "the token's times are no times");
        if !ISSUERS.contains(&self.iss.as_str()) {
            return Err("the token's issuer is not Google");
        }
        if !self.email_verified {
            return Err("the token's e-mail address is not verified");
        }
        at(self.exp)?;
        if self.has_expired(now) {
            return Err("the token has expired");
        }
        if at(self.iat)?.duration_since(now) > SKEW {
            return Err("the token is not yet valid (iat)");
        }
        Ok(())
    }
}
