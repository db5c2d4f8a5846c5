use super::{list, note};
use crate::domain::{
    codes::Code,
    names::{ConnectorRef, ProjectId},
    permissions::Permission,
    plan::Note,
    state::{connector::Connector, read::ReadFailure, refused_deploy::FailedDeploy, subnet::Subnet},
    target::Target,
};

pub fn connector(connector: &ConnectorRef) -> String {
    format!(
        "nothing has used {} for 7 days, and the policy does not declare it (`connector.prune: 7d`)",
        connector.name
    )
}

pub fn mark(connector: &ConnectorRef, unused: bool) -> String {
    match unused {
        true => {
            format!("{} is no longer referenced; recording since when (`connector.prune: 7d`)", connector.name)
        }
        false => format!("{} is referenced again; clearing the unused-since mark", connector.name),
    }
}

/// How an idle connector is removed.
#[derive(Debug, Clone, Copy)]
pub enum Removal {
    /// By the policy, in time.
    Pruned,
    /// By a person, who has to look for users of other kinds unless they were looked for.
    ByHand { every_user_seen: bool },
    /// Not before it is known who uses it.
    UsersUnknown,
}

/// `fresh`: its subnet, while that would have a deleted connector created again, and the subnet's project.
pub fn idle(
    connector: &ConnectorRef,
    found: &Connector,
    fresh: Option<(&Subnet, &ProjectId)>,
    removal: Removal,
) -> Note {
    let ConnectorRef { project, region, name } = connector;
    let subnet = fresh.map_or_else(String::new, |(subnet, host)| {
        format!(
            ", then `gcloud compute networks subnets delete {} --region={region} --project={host}`: otherwise the subnet causes the connector to be recreated for 24 hours",
            subnet.name
        )
    });
    let removal = match removal {
        Removal::Pruned => "To remove it: `connector.prune: 7d` removes it after 7 days".to_owned(),
        Removal::ByHand { every_user_seen } => {
            let check = match every_user_seen {
                true => "run",
                false => "check that no Cloud Run instance, function or App Engine version uses it, and run",
            };
            format!(
                "To remove it: set `connector.prune: 7d` under `mode: enforce`, or {check} `gcloud compute networks vpc-access connectors delete {name} --region={region} --project={project}`{subnet}"
            )
        }
        Removal::UsersUnknown => {
            "It is not removed, because other kinds of users, or a revision with traffic, could not be read".to_owned()
        }
    };
    let again = match fresh {
        Some(_) => " If a deploy was refused because it did not exist, deploy again.",
        None => "",
    };
    note(Code::Idle, format!("connector/{name}"), format!("{}.{again} {removal}", bills_for_nothing(connector, found)))
}

/// An idle connector that a deploy of the last 24 hours names, or may name: it is not to be removed yet.
pub fn idle_after_refusal(connector: &ConnectorRef, found: &Connector, failed: &FailedDeploy) -> Note {
    let what = super::workload(&failed.workload);
    let names = match failed.connector {
        Some(_) => "names it",
        None => "may name it",
    };
    note(
        Code::Idle,
        format!("connector/{}", connector.name),
        format!(
            "{}. The deploy of {what} at {} {names} and was refused; Google said: {}",
            bills_for_nothing(connector, found),
            failed.at,
            failed.words
        ),
    )
}

fn bills_for_nothing(connector: &ConnectorRef, found: &Connector) -> String {
    let cost = match found.min_instances {
        Some(min) => format!("{min} {} instances", found.machine_type),
        None => format!("its {} instances", found.machine_type),
    };
    format!(
        "no job, service or worker pool that could be read names connector {}, and the policy does not declare it; it bills for {cost} while idle",
        connector.name
    )
}

pub fn unlist(subnets: &[String]) -> String {
    format!("no connector uses {} any longer (`connector.prune: 7d`)", list(subnets))
}

pub fn rule(connector: &ConnectorRef) -> String {
    format!("its connector {} is gone and not referenced (`connector.prune: 7d`)", connector.name)
}

pub fn subnet(connector: &ConnectorRef) -> String {
    format!("connector {} no longer uses it (`connector.prune: 7d`)", connector.name)
}

pub fn left_over(connector: &ConnectorRef) -> Note {
    note(
        Code::LeftOver,
        format!("connector/{}", connector.name),
        format!(
            "connector {} is gone and not referenced, while its subnet or rules of ours still exist and cost nothing; `connector.prune: 7d` removes them",
            connector.name
        ),
    )
}

/// Nothing is known to use the connector, and something does.
pub fn busy(connector: &ConnectorRef) -> Note {
    note(
        Code::ConnectorBusy,
        format!("connector/{}", connector.name),
        format!(
            "no workload that was read uses connector {}, but it sent traffic in the last 7 days, so it is not removed (`connector.prune`); find out what uses it in Metrics Explorer by `vpcaccess.googleapis.com/connector/sent_bytes_count`",
            connector.name
        ),
    )
}

/// Whether the connector sent anything is not known: the other proofs have to do.
pub fn traffic_unread(connector: &ConnectorRef, failure: &ReadFailure) -> Note {
    let why = super::reads::why_unread("monitoring.timeSeries.list", failure);
    note(
        Code::TrafficUnread,
        format!("connector/{}", connector.name),
        format!(
            "whether connector {} sent traffic in the last 7 days could not be read, so that it is unused is known by its users alone: {} {why}. Google said: {}",
            connector.name, failure.call, failure.message
        ),
    )
}

/// What a list of users lists.
fn kind_of(call: &str) -> &'static str {
    match call.split('.').next() {
        Some("cloudfunctions") => "functions of the first generation",
        Some("appengine") => "versions of App Engine",
        _ if call.contains("executions") => "executions under way",
        _ => "Cloud Run instances",
    }
}

/// The role of the service is older than the program: one finding for all that it lacks.
pub fn role_outdated(failures: &[&ReadFailure], at: &Target) -> Option<Note> {
    let lacking: Vec<&Permission> = failures.iter().filter_map(|failure| super::reads::lacking(failure)).collect();
    let first = lacking.first()?;
    let mut names: Vec<String> = lacking.iter().map(|permission| format!("`{}`", permission.name)).collect();
    names.sort();
    names.dedup();
    let mut users: Vec<&str> = failures.iter().map(|failure| kind_of(&failure.call)).collect();
    users.sort_unstable();
    users.dedup();
    Some(note(
        Code::RoleOutdated,
        at.project.as_str(),
        format!(
            "the role of this service in {} lacks {}, so it is not known whether {} use a connector of {}, and nothing is removed (`connector.prune`), replaced (`connector.repair`) or denied for the first time there; update the role: run `{}`. Google said: {}",
            at.project,
            list(names),
            list(users),
            at.region,
            first.fix(at.project.as_str()),
            failures.first().map_or("", |failure| failure.message.as_str())
        ),
    ))
}

/// A kind of user that could not be looked for: nothing is removed or replaced on account of what the other kinds say.
pub fn unseen(failure: &ReadFailure, at: &Target) -> Note {
    let ReadFailure { call, message, .. } = failure;
    let (code, why) = match super::reads::blocked(failure, at) {
        Some(known) => (known.code, known.text),
        None => (super::reads::FAILED.to_owned(), format!("{call} failed temporarily. {message}")),
    };
    let users = kind_of(call);
    let region = &at.region;
    note(
        code,
        call,
        format!(
            "it is not known whether {users} use a connector of {region}, so nothing is removed (`connector.prune`), replaced (`connector.repair`) or denied for the first time there: {why}"
        ),
    )
}

/// A revision that gets traffic and cannot be read: it may use any connector.
pub fn missing_revision(path: &str) -> Note {
    note(
        super::reads::FAILED,
        path,
        format!(
            "revision {} gets traffic or has a tag, and Google does not find it, so it is not known which connector it uses: nothing is removed (`connector.prune`) or replaced (`connector.repair`) in its region",
            crate::domain::names::last_segment(path)
        ),
    )
}
