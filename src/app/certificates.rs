//! Google's public keys for OpenID tokens, as the wire brings them.
//!
//! <https://accounts.google.com/.well-known/openid-configuration> names them as `jwks_uri`.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Uri,
    header::{AGE, CACHE_CONTROL},
};

use super::App;
use crate::google::transport::Request;

const DEADLINE: Duration = Duration::from_secs(5);
/// Google's two or three keys take 2 KiB.
const LARGEST: usize = 64 << 10;

/// A set of keys: RFC 7517, as JSON.
#[derive(Debug, Clone)]
pub struct Certificates {
    pub json: Bytes,
    /// How long they need not be asked for again, if the answer says so.
    pub fresh_for: Option<Duration>,
}

impl App {
    /// Asks for a key set. No credentials are sent and no redirect is followed.
    ///
    /// # Errors
    /// Why there is none, for the log.
    pub async fn certificates(&self, url: &Uri) -> Result<Certificates, String> {
        let http = http::Request::get(url).body(Bytes::new()).map_err(|error| error.to_string())?;
        let request = Request { call: "oauth2.certs", http, deadline: DEADLINE };
        let answer = self.transport.send(request).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("{url} answered {}", answer.status()));
        }
        let fresh_for = fresh_for(answer.headers());
        let json = answer.into_body();
        match json.len() <= LARGEST {
            true => Ok(Certificates { json, fresh_for }),
            false => Err(format!("{url} answered {} bytes, expected at most {LARGEST}", json.len())),
        }
    }
}

/// <https://www.rfc-editor.org/rfc/rfc9111#section-4.2>
fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.to_ascii_lowercase());
    let seconds = |text: &str| text.trim().parse::<u64>().ok();
    let whole = text(CACHE_CONTROL)?.split(',').find_map(|said| seconds(said.trim().strip_prefix("max-age=")?))?;
    let spent = text(AGE).as_deref().and_then(seconds).unwrap_or(0);
    Some(Duration::from_secs(whole.saturating_sub(spent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness() {
        let cases: &[(Option<&str>, Option<&str>, Option<u64>)] = &[
            (Some("public, max-age=19000, must-revalidate, no-transform"), None, Some(19000)),
            (Some("Max-Age=19000"), Some("18000"), Some(1000)),
            (Some("max-age=10"), Some("11"), Some(0)),
            (Some("max-age=-1"), None, None),
            (Some("no-store"), Some("1"), None),
            (None, None, None),
        ];
        for (control, age, expected) in cases {
            let fields = [(CACHE_CONTROL, *control), (AGE, *age)];
            let headers = fields.into_iter().filter_map(|(name, value)| Some((name, value?.parse().unwrap())));
            assert_eq!(fresh_for(&headers.collect()), expected.map(Duration::from_secs), "{control:?} {age:?}");
        }
    }
}
