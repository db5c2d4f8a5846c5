//! Requests that Google makes by itself, and Cloud Run's front end, which lets those to its services in or not.
//!
//! A service of this world has a URL `…run.app` that no resolver leads here: `service_at` says where its container really
//! listens. Who may invoke it is let in, with the token as Cloud Run passes it on; nobody else is.
//! <https://cloud.google.com/run/docs/authenticating/service-to-service>

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::google::transport::{Request, Transport};

use crate::sim::{cloud::Cloud, services::logging::requests, state::State, store::clock::after};

/// Google's tokens are good for an hour.
const GOOD_FOR: Duration = Duration::from_secs(3600);
/// What stands in the place of the signature once Cloud Run has verified it.
const VERIFIED: &str = "SIGNATURE_REMOVED_BY_GOOGLE";

/// A request that Pub/Sub or Cloud Scheduler makes.
pub struct Errand {
    pub call: &'static str,
    pub method: Method,
    pub to: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub as_whom: Option<Identity>,
}

/// Whose token goes along, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub email: String,
    pub audience: String,
}

impl Identity {
    /// An `oidcToken`: without an audience it is for the endpoint.
    pub fn of(token: &Value, endpoint: &str) -> Option<Self> {
        let email = token["serviceAccountEmail"].as_str()?.to_owned();
        let audience = token["audience"].as_str().filter(|audience| !audience.is_empty()).unwrap_or(endpoint);
        Some(Self { email, audience: audience.to_owned() })
    }

    /// The token of now, as a container sees it.
    fn bearer(&self, state: &State) -> String {
        // The container goes by its own clock, wherever that of the world has been moved to.
        let now = after(state.options.now, state.clock.elapsed());
        let claims = json!({
            "iss": "https://accounts.google.com",
            "aud": self.audience,
            "azp": state.dice.fixed(&self.email).id(),
            "sub": state.dice.fixed(&self.email).id(),
            "email": self.email,
            "email_verified": true,
            "iat": now.as_second(),
            "exp": after(now, GOOD_FOR).as_second(),
        });
        let header = json!({"alg": "RS256", "kid": state.dice.fixed("keys").hex(20), "typ": "JWT"});
        let [header, claims] = [header, claims].map(|part| BASE64.encode(part.to_string()));
        format!("Bearer {header}.{claims}.{VERIFIED}")
    }
}

/// Makes a request and returns what was answered, if anything was.
pub async fn send(
    cloud: &Cloud,
    deliver: &Arc<dyn Transport>,
    mut errand: Errand,
    deadline: Duration,
) -> Option<StatusCode> {
    let (to, method) = (errand.to.clone(), errand.method.clone());
    let refused = {
        let state = cloud.state();
        admit(&state, &mut errand).err()
    };
    let status = match refused {
        Some(status) => status,
        None => {
            let mut http = http::Request::new(errand.body);
            *http.method_mut() = errand.method;
            *http.uri_mut() = errand.to;
            *http.headers_mut() = errand.headers;
            match deliver.send(Request { call: errand.call, http, deadline }).await {
                Ok(answer) => answer.status(),
                // Cloud Run answers for a container that does not.
                Err(_) if is_cloud_run(&to) => StatusCode::SERVICE_UNAVAILABLE,
                Err(_) => return None,
            }
        }
    };
    requests::note(&mut cloud.state(), &method, &to, status.as_u16());
    Some(status)
}

/// Leads a request to a Cloud Run service to where it listens, or says how the front end refuses it. Others go as they
/// are, and without a token: who is outside could not verify it.
fn admit(state: &State, errand: &mut Errand) -> Result<(), StatusCode> {
    if !is_cloud_run(&errand.to) {
        return Ok(());
    }
    let service = requests::service_at(state, errand.to.host().unwrap_or_default()).ok_or(StatusCode::NOT_FOUND)?;
    let email = errand.as_whom.as_ref().map_or("", |identity| identity.email.as_str());
    if !state.may(email, "run.routes.invoke", service) {
        return Err(StatusCode::FORBIDDEN);
    }
    // Nothing is ever sent to the real host.
    let container = state.options.service_at.clone().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let bearer = errand.as_whom.as_ref().map(|identity| identity.bearer(state));
    let mut parts = container.into_parts();
    parts.path_and_query = errand.to.path_and_query().cloned();
    errand.to = Uri::from_parts(parts).map_err(|_| StatusCode::BAD_REQUEST)?;
    if let Some(value) = bearer.and_then(|bearer| HeaderValue::from_str(&bearer).ok()) {
        errand.headers.insert(AUTHORIZATION, value);
    }
    Ok(())
}

fn is_cloud_run(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| host.ends_with(".run.app"))
}
