//! Where the service listens, and who may call it: decided once, before anything is begun.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::{Args, ValueEnum, value_parser};
use http::Uri;

use super::args::address;
use crate::web::{Allowed, Auth, ServerConfig, auth::CERTIFICATES};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Who may call")]
pub struct DoorArgs {
    /// The address to listen on [default: 0.0.0.0:$PORT, or 127.0.0.1:$PORT when auth is off; PORT is 8080 if unset]
    #[arg(long, env = "EGRESS_LISTEN", value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// How callers are authenticated: by Cloud Run and this service (platform), by this service only (self), or not at
    /// all (off: only on loopback or with the simulated cloud) [default: off; required on Cloud Run]
    #[arg(long, env = "EGRESS_AUTH", value_name = "AUTH")]
    auth: Option<AuthKind>,
    /// The audience of a caller's token: as configured in the push subscription, usually this service's URL
    #[arg(long, env = "EGRESS_AUDIENCE", value_name = "URL")]
    audience: Option<String>,
    /// Accounts that may deliver events, separated by commas
    #[arg(long, env = "EGRESS_CALLERS", value_name = "EMAILS", value_delimiter = ',')]
    callers: Vec<String>,
    /// Accounts that may sweep and read the state; without any, the callers
    #[arg(long, env = "EGRESS_ADMINS", value_name = "EMAILS", value_delimiter = ',')]
    admins: Vec<String>,
    /// For tests of --auth self: the keys of tokens, in place of Google's; http on loopback alone
    #[arg(long, env = "EGRESS_JWKS_URL", value_name = "URL", hide = true)]
    jwks_url: Option<Uri>,
    /// Maximum number of concurrent requests; up to three quarters of them may wait for runs. Further requests get 429
    #[arg(long, env = "EGRESS_MAX_CONCURRENT", value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(1..=100_000))]
    max_concurrent: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuthKind {
    Platform,
    #[value(name = "self")]
    Own,
    Off,
}

/// What the flags are judged by.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `K_SERVICE` is set.
    pub on_cloud_run: bool,
    pub simulated: bool,
    /// `PORT`, as Cloud Run sets it.
    pub port: Option<String>,
}

/// Why the service does not start: what was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("PORT is {0:?}: expected a port number, 0 to 65535")]
    Port(String),
    #[error(
        "on Cloud Run `--auth` has no default: set --auth platform (EGRESS_AUTH), or self if the service allows unauthenticated invocations, with --audience and --callers"
    )]
    NoAuth,
    #[error(
        "--auth off on {0} would accept requests from anyone who can reach this port: listen on loopback (--listen 127.0.0.1:8080), or set --auth platform on Cloud Run, self elsewhere"
    )]
    OpenToAll(SocketAddr),
    #[error(
        "--auth platform trusts Cloud Run to have checked every token, and this is not Cloud Run (K_SERVICE is not set): set --auth self, or off and listen on loopback"
    )]
    NoPlatform,
    #[error(
        "--auth {0} needs --audience (EGRESS_AUDIENCE): found {1:?}, expected the audience of the callers' tokens, usually this service's URL"
    )]
    Audience(&'static str, String),
    #[error("--auth {0} needs --callers (EGRESS_CALLERS): found none, expected the accounts that may deliver events")]
    NoCallers(&'static str),
    #[error("{flag}: found {found:?}, expected e-mail addresses of accounts, separated by commas")]
    NoEmail { flag: &'static str, found: String },
    #[error(
        "--jwks-url (EGRESS_JWKS_URL) is for tests of --auth self: found {0}, expected http:// on loopback; take it away and Google's keys are used"
    )]
    ForeignKeys(Uri),
}

impl DoorArgs {
    /// # Errors
    /// Settings that would accept callers by mistake, or none.
    pub fn decide(self, around: &Surroundings) -> Result<(SocketAddr, ServerConfig), Refused> {
        let kind = match self.auth {
            Some(kind) => kind,
            None if around.on_cloud_run => return Err(Refused::NoAuth),
            None => AuthKind::Off,
        };
        let host = if kind == AuthKind::Off { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
        let listen = match self.listen {
            Some(listen) => listen,
            None => SocketAddr::new(IpAddr::V4(host), port(around.port.as_deref())?),
        };
        // At most 100,000.
        let max_concurrent = usize::try_from(self.max_concurrent).unwrap_or(usize::MAX);
        let auth = match kind {
            AuthKind::Off if listen.ip().is_loopback() || around.simulated => Auth::Off,
            AuthKind::Off => return Err(Refused::OpenToAll(listen)),
            AuthKind::Platform if !around.on_cloud_run => return Err(Refused::NoPlatform),
            AuthKind::Platform => Auth::Platform(self.allowed("platform")?),
            AuthKind::Own => Auth::Own { certificates: self.certificates()?, allowed: self.allowed("self")? },
        };
        Ok((listen, ServerConfig { auth, max_concurrent }))
    }

    fn allowed(self, mode: &'static str) -> Result<Allowed, Refused> {
        let audience = self.audience.unwrap_or_default();
        if audience.is_empty() || audience.contains(char::is_whitespace) {
            return Err(Refused::Audience(mode, audience));
        }
        let callers = emails("--callers (EGRESS_CALLERS)", self.callers)?;
        if callers.is_empty() {
            return Err(Refused::NoCallers(mode));
        }
        Ok(Allowed { audience, callers, admins: emails("--admins (EGRESS_ADMINS)", self.admins)? })
    }

    fn certificates(&self) -> Result<Uri, Refused> {
        let Some(url) = &self.jwks_url else { return Ok(Uri::from_static(CERTIFICATES)) };
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        match url.scheme_str() == Some("http") && loopback {
            true => Ok(url.clone()),
            false => Err(Refused::ForeignKeys(url.clone())),
        }
    }
}

/// An empty variable gives one empty address, which counts as none.
fn emails(flag: &'static str, given: Vec<String>) -> Result<Vec<String>, Refused> {
    let given = given.iter().map(|email| email.trim()).filter(|email| !email.is_empty());
    let checked = given.map(|email| {
        let whole = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        match whole && email.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(email.to_owned()),
            false => Err(Refused::NoEmail { flag, found: email.to_owned() }),
        }
    });
    checked.collect()
}

fn port(given: Option<&str>) -> Result<u16, Refused> {
    const DEFAULT: u16 = 8080;
    given.map_or(Ok(DEFAULT), |text| text.parse().map_err(|_| Refused::Port(text.to_owned())))
}
