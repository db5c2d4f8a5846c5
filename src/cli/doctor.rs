//! `doctor`: is it installed right?

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{
    args::{CloudArgs, Format, duration, topic},
    exit::{Exit, Failure},
    hints, print,
    session::{out_of_scope, policy_path, quiet_logs, region_in_scope, repeated, variable},
    table::plain,
};
use crate::{
    app::{
        self,
        doctor::{Asked, Doctor as Examiner, Service},
        simulated,
    },
    domain::{
        doctor::{Line, Mark},
        names::{ProjectId, Region},
        target::Target,
    },
};

/// Check each part of an installation, and print a command for each problem found
#[derive(Debug, Args)]
#[command(
    after_help = "Permissions are checked for the caller. To check those of the service, impersonate its service account\n(gcloud auth application-default login --impersonate-service-account=EMAIL).\nExit status: 0, or 1 if a check failed."
)]
pub struct Doctor {
    /// The policy file; `-` reads standard input
    #[arg(long, env = "EGRESS_POLICY", value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A table for people, or an array of lines
    #[arg(long, env = "EGRESS_FORMAT", value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Only these projects of the policy's scope
    #[arg(long, env = "EGRESS_PROJECT", value_name = "PROJECT", value_parser = ProjectId::parse, value_delimiter = ',')]
    project: Vec<ProjectId>,
    /// The log sink: projects/P/sinks/S, or of a folder or an organization
    #[arg(long, env = "EGRESS_SINK", value_name = "SINK", value_parser = sink)]
    sink: Option<String>,
    /// The push subscription: projects/P/subscriptions/S
    #[arg(long, env = "EGRESS_SUBSCRIPTION", value_name = "SUBSCRIPTION", value_parser = subscription)]
    subscription: Option<String>,
    /// Where reports go, in place of the policy's reports.topic: projects/P/topics/T
    #[arg(long, env = "EGRESS_REPORT_TOPIC", value_name = "TOPIC", value_parser = topic)]
    report_topic: Option<String>,
    /// The running service: projects/P/locations/R/services/S, or its URL where it can be reached from here
    #[arg(long, env = "EGRESS_SERVICE", value_name = "SERVICE", value_parser = service)]
    service: Option<Service>,
    /// Send a synthetic event and measure the time until its report; the run makes every change that the policy allows
    #[arg(long, requires = "region")]
    probe: bool,
    /// The region that the probe is about
    #[arg(long, env = "EGRESS_REGION", value_name = "REGION", value_parser = Region::parse)]
    region: Option<Region>,
    /// How long to wait for the probe's report
    #[arg(long, env = "EGRESS_TIMEOUT", value_name = "TIME", default_value = "2m", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    cloud: CloudArgs,
}

impl Doctor {
    pub async fn run(self) -> Result<Exit, Failure> {
        quiet_logs();
        let (transport, cloud) = match self.cloud.simulation(None)? {
            None => app::way_to_google(&variable)?,
            Some(simulation) => simulated::way_to(&simulation.begin()?)?,
        };
        let flags = repeated(self.policy.as_deref(), &self.cloud);
        // Without credentials every line would be unknown for one reason.
        cloud.1.headers().await?;
        let path = policy_path(self.policy)?;
        let file = path.display().to_string();
        let policy = match app::read_policy(&path) {
            Ok(policy) => policy,
            Err(error) => return show(&[Line::policy(&file, Some(&error.to_string()))], &flags, self.format),
        };
        if let Some(stranger) = self.project.iter().find(|project| !policy.scope.projects.contains(project)) {
            return Err(out_of_scope("--project", stranger, "scope.projects", &policy.scope.projects));
        }
        region_in_scope(&policy, self.region.as_ref())?;
        let probed = self.project.first().or(policy.scope.projects.first()).cloned();
        let target = probed.zip(self.region).map(|(project, region)| Target { project, region });
        let asked = Asked {
            projects: self.project,
            sink: self.sink,
            subscription: self.subscription,
            report_topic: self.report_topic,
            service: self.service,
        };
        let doctor = Examiner::new(transport, cloud, policy, asked, (app::now(), app::ids()));
        let mut lines = vec![Line::policy(&file, None)];
        lines.extend(doctor.examine().await);
        if let (true, Some(target)) = (self.probe, target) {
            lines.push(doctor.probe(&target, self.timeout).await);
        }
        show(&lines, &flags, self.format)
    }
}

fn show(lines: &[Line], flags: &str, format: Format) -> Result<Exit, Failure> {
    match format {
        Format::Json => print::json(&lines)?,
        Format::Table => print::out(&drawn(lines, flags))?,
    }
    Ok(exit(lines))
}

/// 1 where something is wrong, or where nothing but the policy file could be looked at.
pub fn exit(lines: &[Line]) -> Exit {
    let is_bad = lines.iter().any(|line| line.mark == Mark::Bad);
    let rest = lines.get(1..).unwrap_or_default();
    let is_blind = !rest.is_empty() && rest.iter().all(|line| line.mark == Mark::Unknown);
    if is_bad || is_blind { Exit::Error } else { Exit::Done }
}

/// A line each, the command that fixes it below, and how many there are of each mark. Nothing is cut or wrapped: commands
/// are there to be pasted.
pub fn drawn(lines: &[Line], flags: &str) -> String {
    let mut text = String::new();
    for Line { mark, subject, text: told, fix } in lines {
        text += &format!("{:<8} {}: {}\n", mark.word(), plain(subject), plain(&hints::text(told, flags)));
        if let Some(fix) = fix {
            text += &format!("         -> {}\n", plain(&hints::command(fix, flags)));
        }
    }
    let count = |mark: Mark| format!("{} {}", lines.iter().filter(|line| line.mark == mark).count(), mark.word());
    text + &Mark::ALL.map(count).join(", ") + "\n"
}

fn path(text: &str, collections: &[(&str, &str)], expected: &str) -> Result<String, String> {
    let fits = match text.split('/').collect::<Vec<_>>()[..] {
        [parents, parent, collection, name] => {
            collections.contains(&(parents, collection)) && !parent.is_empty() && !name.is_empty()
        }
        _ => false,
    };
    if fits { Ok(text.to_owned()) } else { Err(format!("expected {expected}")) }
}

fn sink(text: &str) -> Result<String, String> {
    let parents = [("projects", "sinks"), ("folders", "sinks"), ("organizations", "sinks")];
    path(text, &parents, "projects/PROJECT/sinks/NAME, or of folders/… or organizations/…")
}

fn subscription(text: &str) -> Result<String, String> {
    path(text, &[("projects", "subscriptions")], "projects/PROJECT/subscriptions/NAME")
}

fn service(text: &str) -> Result<Service, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let known = parts
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b)));
    match parts[..] {
        ["http:" | "https:", "", host, ..] if !host.is_empty() => Ok(Service::At(text.to_owned())),
        ["projects", project, "locations", location, "services", name] if known => {
            let [project, location, name] = [project, location, name].map(str::to_owned);
            Ok(Service::Named { project, location, name })
        }
        _ => Err("expected projects/PROJECT/locations/REGION/services/NAME, or a URL".to_owned()),
    }
}
