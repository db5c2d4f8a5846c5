//! Who we are to Google.

use std::{fmt, sync::Arc, time::Duration};

use ::http::{
    Extensions, HeaderMap, HeaderValue,
    header::{AUTHORIZATION, InvalidHeaderValue},
};
use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials as GoogleCredentials};
use tokio::{sync::OnceCell, time::timeout};

use super::error::one_line;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Without any credentials google-cloud-auth asks the metadata server for more than 20 s.
const TOKEN_DEADLINE: Duration = Duration::from_secs(5);

/// What is sent as `Authorization`. Cloning shares the token cache.
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    Anonymous,
    Literal(HeaderValue),
    /// Built at the first call, so that a start needs neither a file nor the network.
    Google(Arc<OnceCell<GoogleCredentials>>),
}

/// Tells the kind, never a secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Anonymous => "Anonymous",
            Kind::Literal(_) => "Literal",
            Kind::Google(_) => "Google",
        })
    }
}

/// No token could be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("the Google credentials cannot be used; {HOW} ({})", one_line(&.0.to_string()))]
    Unusable(#[source] google_cloud_auth::build_errors::Error),
    #[error("no Google access token came within {} s; {HOW}", TOKEN_DEADLINE.as_secs())]
    Silent,
    #[error("no Google access token; {HOW} ({})", one_line(&.0.to_string()))]
    Refused(#[source] google_cloud_auth::errors::CredentialsError),
}

const HOW: &str = "run `gcloud auth application-default login`, or run on Cloud Run with a service account";

impl CredentialsError {
    /// Whether waiting may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unusable(_) => false,
            Self::Silent => true,
            Self::Refused(error) => error.is_transient(),
        }
    }
}

impl Credentials {
    pub fn anonymous() -> Self {
        Self(Kind::Anonymous)
    }

    /// This access token, as it is.
    pub fn literal(token: &str) -> Result<Self, InvalidHeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
        value.set_sensitive(true);
        Ok(Self(Kind::Literal(value)))
    }

    /// Application default credentials, <https://cloud.google.com/docs/authentication/application-default-credentials>.
    pub fn google() -> Self {
        Self(Kind::Google(Arc::default()))
    }

    /// The headers that prove who we are. Also the check, before anything is asked of Google, that there is a token.
    pub async fn headers(&self) -> Result<HeaderMap, CredentialsError> {
        match &self.0 {
            Kind::Anonymous => Ok(HeaderMap::new()),
            Kind::Literal(value) => Ok(HeaderMap::from_iter([(AUTHORIZATION, value.clone())])),
            Kind::Google(cell) => {
                timeout(TOKEN_DEADLINE, google_headers(cell)).await.map_err(|_| CredentialsError::Silent)?
            }
        }
    }
}

async fn google_headers(cell: &OnceCell<GoogleCredentials>) -> Result<HeaderMap, CredentialsError> {
    let build = async || Builder::default().with_scopes([SCOPE]).build().map_err(CredentialsError::Unusable);
    let credentials = cell.get_or_try_init(build).await?;
    match credentials.headers(Extensions::new()).await.map_err(CredentialsError::Refused)? {
        CacheableResource::New { data, .. } => Ok(sensitive(data)),
        // Only answers a request that carries an entity tag, and ours carries none.
        CacheableResource::NotModified => Err(CredentialsError::Silent),
    }
}

fn sensitive(mut headers: HeaderMap) -> HeaderMap {
    if let Some(value) = headers.get_mut(AUTHORIZATION) {
        value.set_sensitive(true);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_literal_token_is_sent_and_never_shown() {
        let credentials = Credentials::literal("s3cret").unwrap();
        let headers = credentials.headers().await.unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer s3cret");
        for shown in [format!("{credentials:?}"), format!("{headers:?}")] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        assert!(Credentials::literal("two\nlines").is_err());
    }

    #[tokio::test]
    async fn anonymous_sends_nothing() {
        assert!(Credentials::anonymous().headers().await.unwrap().is_empty());
    }

    #[test]
    fn silence_says_what_to_do() {
        assert!(CredentialsError::Silent.to_string().contains("gcloud auth application-default login"));
    }
}
