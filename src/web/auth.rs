//! Who may come in.

use std::sync::Arc;

use futures_util::FutureExt;
use http::{HeaderMap, Uri};

use super::{
    keys::Keys,
    problem::Problem,
    token::{self, Expected},
    verifier::Verifier,
};
use crate::app::App;

/// Where Google shows the keys that it signs OpenID tokens with.
pub const CERTIFICATES: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// How callers prove who they are.
#[derive(Debug, Clone)]
pub enum Auth {
    /// They need not: for loopback and the simulated cloud.
    Off,
    /// Cloud Run's IAM check stands before us and has verified the token's signature; what it says is checked here.
    Platform(Allowed),
    /// Nobody stands before us: the signature is verified here as well.
    Own {
        allowed: Allowed,
        /// Where the keys are; [`CERTIFICATES`] but for tests.
        certificates: Uri,
    },
}

/// Whom the doors are open to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The `aud` that deliveries are configured with.
    pub audience: String,
    /// E-mail addresses that may deliver events.
    pub callers: Vec<String>,
    /// E-mail addresses that may sweep and read the state; empty = the callers.
    pub admins: Vec<String>,
}

/// What a door is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerRole {
    Caller,
    Admin,
}

/// What stands at every door that asks who is there.
pub struct Guard {
    app: Arc<App>,
    proof: Proof,
}

enum Proof {
    None,
    /// A token that Cloud Run has verified.
    PlatformVerified(Allowed),
    /// A token with its signature.
    Signed(Allowed, Verifier),
}

impl Guard {
    pub fn new(app: Arc<App>, auth: Auth) -> Self {
        let proof = match auth {
            Auth::Off => Proof::None,
            Auth::Platform(allowed) => Proof::PlatformVerified(allowed),
            Auth::Own { allowed, certificates } => {
                let wire = app.clone();
                let fetch = move || {
                    let (app, url) = (wire.clone(), certificates.clone());
                    async move { app.certificates(&url).await }.boxed()
                };
                Proof::Signed(allowed, Verifier::new(Keys::new(Box::new(fetch))))
            }
        };
        Self { app, proof }
    }

    /// Lets through who may pass; others get 401 or 403.
    pub async fn check(&self, role: CallerRole, headers: &HeaderMap) -> Result<(), Problem> {
        let now = || (self.app.engine.now)();
        match &self.proof {
            Proof::None => Ok(()),
            Proof::PlatformVerified(allowed) => {
                token::stripped(token::bearer(headers)?)?.judge(&allowed.expected(role), now())
            }
            Proof::Signed(allowed, verifier) => {
                verifier.check(token::bearer(headers)?, &allowed.expected(role), now()).await
            }
        }
    }
}

impl Allowed {
    fn expected(&self, role: CallerRole) -> Expected<'_> {
        let emails = if role == CallerRole::Admin && !self.admins.is_empty() { &self.admins } else { &self.callers };
        Expected { audience: &self.audience, emails }
    }
}
