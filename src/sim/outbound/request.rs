//! Requests that Google makes by itself, and Cloud Run's front end, which admits or refuses those to its services.
//!
//! A service of the world has a URL `…run.app` that does not resolve to the simulation: `service_at` is the address of its
//! container. A caller that may invoke the service is admitted, with the token as Cloud Run passes it on.
//! <https://cloud.google.com/run/docs/authenticating/service-to-service>

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::google::transport::{Request, Transport};

use crate::sim::{
    services::logging::requests,
    state::{State, handle::Handle},
    store::clock::after,
};

/// How long Google's tokens are valid.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// What Cloud Run puts in place of the signature after it has verified it.
const REMOVED_SIGNATURE: &str = "SIGNATURE_REMOVED_BY_GOOGLE";

/// A request that Pub/Sub or Cloud Scheduler makes.
pub struct OutboundRequest {
    pub call: &'static str,
    pub method: Method,
    pub to: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub identity: Option<Identity>,
}

/// The account and the audience of the token that is sent.
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

    /// A token issued now, as a container receives it.
    fn bearer(&self, state: &State) -> String {
        // The container uses its own clock, not that of the world, which may have been advanced.
        let now = after(state.options.now, state.clock.elapsed());
        let claims = json!({
            "iss": "https://accounts.google.com",
            "aud": self.audience,
            "azp": state.dice.fixed(&self.email).id(),
            "sub": state.dice.fixed(&self.email).id(),
            "email": self.email,
            "email_verified": true,
            "iat": now.as_second(),
            "exp": after(now, TOKEN_LIFETIME).as_second(),
        });
        let header = json!({"alg": "RS256", "kid": state.dice.fixed("keys").hex(20), "typ": "JWT"});
        let [header, claims] = [header, claims].map(|part| BASE64.encode(part.to_string()));
        format!("Bearer {header}.{claims}.{REMOVED_SIGNATURE}")
    }
}

/// Makes a request and returns the status of the answer, if there is one.
pub async fn send(
    handle: &Handle,
    deliver: &Arc<dyn Transport>,
    mut request: OutboundRequest,
    deadline: Duration,
) -> Option<StatusCode> {
    let (to, method) = (request.to.clone(), request.method.clone());
    let refused = {
        let state = handle.state();
        admit(&state, &mut request).err()
    };
    let status = match refused {
        Some(status) => status,
        None => {
            let mut http = http::Request::new(request.body);
            *http.method_mut() = request.method;
            *http.uri_mut() = request.to;
            *http.headers_mut() = request.headers;
            match deliver.send(Request { call: request.call, http, deadline }).await {
                Ok(answer) => answer.status(),
                // Cloud Run answers in place of a container that does not.
                Err(_) if is_cloud_run(&to) => StatusCode::SERVICE_UNAVAILABLE,
                Err(_) => return None,
            }
        }
    };
    requests::note(&mut handle.state(), &method, &to, status.as_u16());
    Some(status)
}

/// Redirects a request for a Cloud Run service to its container, or returns the status with which the front end refuses it.
/// Other requests are left as they are, without a token: an outside receiver could not verify it.
fn admit(state: &State, request: &mut OutboundRequest) -> Result<(), StatusCode> {
    if !is_cloud_run(&request.to) {
        return Ok(());
    }
    let service = requests::service_at(state, request.to.host().unwrap_or_default()).ok_or(StatusCode::NOT_FOUND)?;
    let email = request.identity.as_ref().map_or("", |identity| identity.email.as_str());
    if !state.may(email, "run.routes.invoke", service) {
        return Err(StatusCode::FORBIDDEN);
    }
    // Nothing is ever sent to the real host.
    let container = state.options.service_at.clone().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let bearer = request.identity.as_ref().map(|identity| identity.bearer(state));
    let mut parts = container.into_parts();
    parts.path_and_query = request.to.path_and_query().cloned();
    request.to = Uri::from_parts(parts).map_err(|_| StatusCode::BAD_REQUEST)?;
    if let Some(value) = bearer.and_then(|bearer| HeaderValue::from_str(&bearer).ok()) {
        request.headers.insert(AUTHORIZATION, value);
    }
    Ok(())
}

fn is_cloud_run(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| host.ends_with(".run.app"))
}
