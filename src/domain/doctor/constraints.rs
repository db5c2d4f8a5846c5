//! Organization policies that can keep connectors, their subnets or Cloud NAT from being made.
//! <https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints>

use super::{
    Line, Mark,
    facts::{Ancestry, OrgPolicy},
    unread,
};
use crate::domain::{
    names::{ProjectId, Region},
    state::read::Read,
};

/// A list constraint, and what must be allowed by it.
pub struct Constraint {
    pub name: &'static str,
    subject: Subject,
    /// What it stops otherwise.
    stops: &'static str,
    /// It is asked of the network's project, not of the connectors'.
    pub of_network: bool,
}

#[derive(Clone, Copy)]
enum Subject {
    /// One value of the list.
    Value(&'static str),
    /// Things of the project, which the list names by themselves or by what they lie under.
    InProject,
    /// The regions that the policy names.
    Regions,
    /// The VPC flow logs of subnets that are created here.
    FlowLogs,
}

const fn constraint(name: &'static str, subject: Subject, stops: &'static str, of_network: bool) -> Constraint {
    Constraint { name, subject, stops, of_network }
}

pub static CONSTRAINTS: [Constraint; 8] = [
    constraint(
        "compute.trustedImageProjects",
        Subject::Value("projects/serverless-vpc-access-images"),
        "the images that connectors are made from",
        false,
    ),
    constraint("compute.vmCanIpForward", Subject::InProject, "the instances of connectors", false),
    constraint("compute.restrictCloudNATUsage", Subject::InProject, "Cloud NAT", true),
    constraint("compute.requireVpcFlowLogs", Subject::FlowLogs, "subnets as the policy has them created", true),
    constraint("gcp.resourceLocations", Subject::Regions, "what is created in the regions of `scope.regions`", false),
    constraint("gcp.restrictServiceUsage", Subject::Value("vpcaccess.googleapis.com"), "Serverless VPC Access", false),
    constraint(
        "gcp.restrictNonCmekServices",
        Subject::Value("vpcaccess.googleapis.com"),
        "connectors without a customer-managed encryption key (CMEK)",
        false,
    ),
    constraint(
        "run.allowedVPCEgress",
        Subject::Value("all-traffic"),
        "workloads that send all their traffic through a connector",
        false,
    ),
];

/// The worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Allowed,
    /// A value names something of which it is not known whether this lies under it.
    Undecided,
    Denied,
}

/// Whether a value of a list names what is asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Yes,
    No,
    Unknown,
}

/// What is known of a project for which a policy is in force.
pub struct Judged<'a> {
    pub project: &'a ProjectId,
    pub ancestry: &'a Read<Ancestry>,
    /// `connector.subnet_flow_logs`.
    pub flow_logs: bool,
    /// `scope.regions`; `None` = all.
    pub regions: Option<&'a [Region]>,
}

/// The doctor shows what is in force, and never proposes to take a policy away: it is its administrator's.
pub fn line(judged: &Judged<'_>, constraint: &Constraint, found: &Read<OrgPolicy>) -> Line {
    let Constraint { name, stops, .. } = constraint;
    let project = judged.project;
    let subject = format!("organization policy {name} of {project}");
    let found = match found {
        Ok(found) => found,
        Err(failure) => return unread(&subject, project.as_str(), failure),
    };
    let show = format!("gcloud org-policies describe {name} --effective --project={project}");
    match verdict(judged, constraint.subject, found) {
        Verdict::Allowed => Line::ok(&subject, format!("does not block {stops}")),
        Verdict::Undecided => {
            let text = format!("may block {stops}: some of its values cannot be evaluated from here");
            Line { mark: Mark::Unknown, ..Line::warn(&subject, text, show) }
        }
        Verdict::Denied if matches!(constraint.subject, Subject::FlowLogs) && !judged.flow_logs => Line::bad(
            &subject,
            format!("requires VPC flow logs, so it blocks {stops}"),
            "set `connector.subnet_flow_logs: true`",
        ),
        Verdict::Denied => Line::bad(&subject, format!("blocks {stops}; ask its administrator to allow it"), show),
    }
}

fn verdict(judged: &Judged<'_>, subject: Subject, policy: &OrgPolicy) -> Verdict {
    let asks = |asked| verdict_on(judged, asked, policy);
    match (subject, judged.regions) {
        (Subject::Value(value), _) => asks(Asked::Value(value)),
        (Subject::InProject, _) => asks(Asked::InProject),
        (Subject::FlowLogs, _) => asks(Asked::FlowLogs),
        (Subject::Regions, Some(regions)) => {
            let each = regions.iter().map(|region| asks(Asked::Region(region.as_str())));
            each.max().unwrap_or(Verdict::Allowed)
        }
        // No value names a region that is not known.
        (Subject::Regions, None) => asks(Asked::AnyRegion),
    }
}

/// What one look at the rules is about.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Value(&'a str),
    InProject,
    FlowLogs,
    Region(&'a str),
    AnyRegion,
}

fn verdict_on(judged: &Judged<'_>, subject: Asked<'_>, policy: &OrgPolicy) -> Verdict {
    let spec = &policy.spec;
    let unconditional = || spec.rules.iter().filter(|rule| rule.condition.is_none());
    if unconditional().any(|rule| rule.deny_all) {
        return Verdict::Denied;
    }
    let denied = named(judged, subject, unconditional().flat_map(|rule| &rule.values.denied_values));
    let allowed: Vec<&String> = unconditional().flat_map(|rule| &rule.values.allowed_values).collect();
    let open = unconditional().any(|rule| rule.allow_all) || allowed.is_empty();
    let allowed = if open { Named::Yes } else { named(judged, subject, allowed.into_iter()) };
    let verdict = match (denied, allowed) {
        (Named::Yes, _) => Verdict::Denied,
        (Named::Unknown, _) | (_, Named::Unknown) => Verdict::Undecided,
        (Named::No, Named::Yes) => Verdict::Allowed,
        // What is above may allow more, where it is not merged into the answer.
        (Named::No, Named::No) if spec.inherit_from_parent => Verdict::Undecided,
        (Named::No, Named::No) => Verdict::Denied,
    };
    // A rule with a condition counts for some resources alone.
    let conditional = spec.rules.iter().any(|rule| rule.condition.is_some());
    if conditional { Verdict::Undecided } else { verdict }
}

fn named<'a>(judged: &Judged<'_>, subject: Asked<'_>, values: impl Iterator<Item = &'a String>) -> Named {
    let each = values.map(|value| match subject {
        Asked::Value(wanted) => is_value(value, wanted),
        Asked::InProject => is_over(judged, value),
        Asked::FlowLogs => is_level(value, judged.flow_logs),
        Asked::Region(region) => is_place(value, region),
        Asked::AnyRegion => Named::Unknown,
    });
    each.fold(Named::No, |so_far, one| match (so_far, one) {
        (Named::Yes, _) | (_, Named::Yes) => Named::Yes,
        (Named::Unknown, _) | (_, Named::Unknown) => Named::Unknown,
        (Named::No, Named::No) => Named::No,
    })
}

fn is_value(value: &str, wanted: &str) -> Named {
    match value.split_once(':') {
        Some(("is", exact)) if exact == wanted => Named::Yes,
        // A group of values, or the images of a folder: what is in it is not said.
        Some(("in" | "under", tree)) if tree != wanted => Named::Unknown,
        Some(("under", _)) => Named::Yes,
        _ if value == wanted => Named::Yes,
        _ => Named::No,
    }
}

/// `under:projects/P`, `under:folders/N`, `under:organizations/N`, or the full name of one subnet or instance: those that
/// are created here are named by us or by Google, so that no list can have them.
fn is_over(judged: &Judged<'_>, value: &str) -> Named {
    let name = value.strip_prefix("under:").or_else(|| value.strip_prefix("is:")).unwrap_or(value);
    let parts: Vec<&str> = name.split('/').collect();
    match parts[..] {
        ["projects", project] if project == judged.project.as_str() => Named::Yes,
        ["projects", number] if number.bytes().all(|byte| byte.is_ascii_digit()) => match judged.ancestry {
            Ok(ancestry) if !ancestry.number.is_empty() => {
                if ancestry.number == number {
                    Named::Yes
                } else {
                    Named::No
                }
            }
            _ => Named::Unknown,
        },
        ["folders" | "organizations", _] => match judged.ancestry {
            Ok(ancestry) => {
                if ancestry.lies_under(name) {
                    Named::Yes
                } else {
                    Named::No
                }
            }
            Err(_) => Named::Unknown,
        },
        ["projects", project, .., leaf] if project == judged.project.as_str() && leaf.starts_with("egress-") => {
            Named::Unknown
        }
        ["projects", ..] => Named::No,
        _ => Named::Unknown,
    }
}

/// `in:europe-west2-locations` and `in:europe-locations` hold `europe-west2`; what else is in a group is not said.
/// <https://cloud.google.com/resource-manager/docs/organization-policy/defining-locations>
fn is_place(value: &str, region: &str) -> Named {
    let Some(group) = value.strip_prefix("in:") else { return is_value(value, region) };
    let within = |stem: &str| region.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    match group.strip_suffix("-locations") {
        Some(stem) if within(stem) => Named::Yes,
        _ => Named::Unknown,
    }
}

/// The sampling of Google's default, 0.5, is `LIGHT`.
fn is_level(value: &str, flow_logs: bool) -> Named {
    match value.strip_prefix("is:").unwrap_or(value) {
        "LIGHT" if flow_logs => Named::Yes,
        "ESSENTIAL" | "LIGHT" | "COMPREHENSIVE" => Named::No,
        _ => Named::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judge(name: &str, rules: Value, flow_logs: bool, known: bool) -> Line {
        let project = ProjectId::parse("demo-project").unwrap();
        let ancestry = json!({"number": "7", "ancestor": [
            {"resourceId": {"type": "project", "id": "demo-project"}},
            {"resourceId": {"type": "folder", "id": "12"}},
            {"resourceId": {"type": "organization", "id": "34"}}]});
        let ancestry = match known {
            true => Ok(serde_json::from_value(ancestry).unwrap()),
            false => Err(super::super::tests::failed("a", crate::domain::state::read::FailureKind::Transient)),
        };
        let policy: OrgPolicy = serde_json::from_value(json!({"spec": {"rules": rules}})).unwrap();
        let constraint = CONSTRAINTS.iter().find(|one| one.name == name).unwrap();
        let regions = [Region::parse("europe-west2").unwrap(), Region::parse("us-west1").unwrap()];
        line(
            &Judged { project: &project, ancestry: &ancestry, flow_logs, regions: Some(&regions) },
            constraint,
            &Ok(policy),
        )
    }

    #[test]
    fn values_are_projects_folders_organizations_and_subnets() {
        const NAT: &str = "compute.restrictCloudNATUsage";
        use Mark::*;
        let allowed = |values: &[&str]| json!([{"values": {"allowedValues": values}}]);
        let denied = |values: &[&str]| json!([{"values": {"deniedValues": values}}]);
        let cases = [
            (json!([]), Ok, Ok),
            (json!([{"allowAll": true}]), Ok, Ok),
            (json!([{"denyAll": true}]), Bad, Bad),
            (allowed(&["under:projects/demo-project"]), Ok, Ok),
            (allowed(&["under:projects/7"]), Ok, Unknown),
            (allowed(&["under:projects/8"]), Bad, Unknown),
            (allowed(&["under:projects/other"]), Bad, Bad),
            (allowed(&["under:folders/12"]), Ok, Unknown),
            (allowed(&["under:folders/13"]), Bad, Unknown),
            (allowed(&["under:organizations/34"]), Ok, Unknown),
            (allowed(&["under:folders/13", "under:projects/demo-project"]), Ok, Ok),
            (allowed(&["projects/demo-project/regions/r/subnetworks/other"]), Bad, Bad),
            (allowed(&["projects/demo-project/regions/r/subnetworks/egress-conn-r"]), Unknown, Unknown),
            (denied(&["under:projects/demo-project"]), Bad, Bad),
            (denied(&["under:projects/other"]), Ok, Ok),
            (denied(&["under:folders/12"]), Bad, Unknown),
            (denied(&["under:folders/13"]), Ok, Unknown),
            (json!([{"allowAll": true, "condition": {"expression": "resource.matchTag('a', 'b')"}}]), Unknown, Unknown),
        ];
        for (rules, known, unknown) in cases {
            for (mark, ancestry) in [(known, true), (unknown, false)] {
                let line = judge(NAT, rules.clone(), false, ancestry);
                assert_eq!(line.mark, mark, "{rules} {ancestry}");
                assert!(line.fix.is_none_or(|fix| !fix.contains("delete")));
            }
        }
        let services = "gcp.restrictServiceUsage";
        assert_eq!(judge(services, allowed(&["is:vpcaccess.googleapis.com"]), false, true).mark, Ok);
        assert_eq!(judge(services, allowed(&["in:some-services"]), false, true).mark, Unknown);
        assert_eq!(judge(services, denied(&["vpcaccess.googleapis.com"]), false, true).mark, Bad);
        for (rules, mark) in [
            (allowed(&["in:europe-locations", "in:us-locations"]), Ok),
            (allowed(&["in:europe-west2-locations", "us-west1"]), Ok),
            (allowed(&["europe-west2", "is:us-west1"]), Ok),
            (allowed(&["europe-west2"]), Bad),
            (allowed(&["europe"]), Bad),
            (allowed(&["in:eu-locations"]), Unknown),
            (denied(&["in:us-west1-locations"]), Bad),
            (denied(&["asia-east1"]), Ok),
        ] {
            assert_eq!(judge("gcp.resourceLocations", rules.clone(), false, true).mark, mark, "{rules}");
        }
        let logs = "compute.requireVpcFlowLogs";
        assert_eq!(judge(logs, json!([]), false, true).mark, Ok);
        assert_eq!(judge(logs, allowed(&["LIGHT"]), false, true).mark, Bad);
        assert_eq!(judge(logs, allowed(&["ESSENTIAL", "LIGHT"]), true, true).mark, Ok);
        assert_eq!(judge(logs, allowed(&["COMPREHENSIVE"]), true, true).mark, Bad);
    }
}
