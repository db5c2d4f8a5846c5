//! Where the service listens, and who may call it: decided once, before anything is begun.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::{Args, ValueEnum, value_parser};

use super::args::address;
use crate::web::{Auth, Door};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Who may call")]
pub struct DoorArgs {
    /// The address to listen on [default: 0.0.0.0:$PORT, or 127.0.0.1:$PORT when auth is off; PORT is 8080 if unset]
    #[arg(long, env = "EGRESS_LISTEN", value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Who checks callers: Cloud Run and this service, or nobody; off only on loopback or with the simulated cloud
    /// [default: off; none on Cloud Run]
    #[arg(long, env = "EGRESS_AUTH", value_name = "AUTH")]
    auth: Option<AuthKind>,
    /// The audience of a caller's token: this service's URL
    #[arg(long, env = "EGRESS_AUDIENCE", value_name = "URL")]
    audience: Option<String>,
    /// Accounts that may deliver events, separated by commas
    #[arg(long, env = "EGRESS_CALLERS", value_name = "EMAILS", value_delimiter = ',')]
    callers: Vec<String>,
    /// Accounts that may also sweep and read the state; without any, the callers
    #[arg(long, env = "EGRESS_ADMINS", value_name = "EMAILS", value_delimiter = ',')]
    admins: Vec<String>,
    /// Requests served at the same time; more are answered 429
    #[arg(long, env = "EGRESS_MAX_CONCURRENT", value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(1..=100_000))]
    max_concurrent: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuthKind {
    Platform,
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
    #[error("on Cloud Run `--auth` has no default: set --auth platform (EGRESS_AUTH), --audience and --callers")]
    NoAuth,
    #[error(
        "--auth off on {0} would let everybody in who reaches this port: listen on loopback (--listen 127.0.0.1:8080), or set --auth platform on Cloud Run"
    )]
    OpenToAll(SocketAddr),
    #[error(
        "--auth platform trusts Cloud Run to have checked every token, and this is not Cloud Run (K_SERVICE is not set): set --auth off and listen on loopback"
    )]
    NoPlatform,
    #[error("--auth platform needs {0}")]
    Needs(&'static str),
}

impl DoorArgs {
    /// # Errors
    /// What would let in whom nobody meant to let in, or nobody at all.
    pub fn decide(self, around: &Surroundings) -> Result<(SocketAddr, Door), Refused> {
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
        let auth = match kind {
            AuthKind::Off if listen.ip().is_loopback() || around.simulated => Auth::Off,
            AuthKind::Off => return Err(Refused::OpenToAll(listen)),
            AuthKind::Platform if !around.on_cloud_run => return Err(Refused::NoPlatform),
            AuthKind::Platform if self.callers.is_empty() => {
                return Err(Refused::Needs("--callers (EGRESS_CALLERS): the accounts that may deliver events"));
            }
            AuthKind::Platform => {
                let audience =
                    self.audience.ok_or(Refused::Needs("--audience (EGRESS_AUDIENCE): this service's URL"))?;
                Auth::Platform { audience, callers: self.callers, admins: self.admins }
            }
        };
        // At most 100,000.
        let max_concurrent = usize::try_from(self.max_concurrent).unwrap_or(usize::MAX);
        Ok((listen, Door { auth, max_concurrent }))
    }
}

fn port(given: Option<&str>) -> Result<u16, Refused> {
    const DEFAULT: u16 = 8080;
    given.map_or(Ok(DEFAULT), |text| text.parse().map_err(|_| Refused::Port(text.to_owned())))
}
