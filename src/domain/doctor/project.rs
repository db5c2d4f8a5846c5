//! What a project allows.

use super::{
    Line,
    facts::{Apis, Granted, Quotas, RegionQuotas},
    unread,
};
use crate::domain::{
    names::{ProjectId, Region},
    permissions::{Permission, Role},
    policy::{ConnectorSection, MachineType},
    state::read::Read,
};

/// Above this share of a quota the next connector may not fit.
const QUOTA_WARNING_SHARE: f64 = 0.8;
/// What connectors, NAT and rules use up: <https://cloud.google.com/vpc/docs/quota>.
const METRICS: [&str; 3] = ["FIREWALLS", "ROUTERS", "SUBNETWORKS"];

/// `needed` are the APIs' host names.
pub fn apis(project: &ProjectId, needed: &[&str], found: &Read<Apis>) -> Line {
    let subject = format!("APIs of {project}");
    let found = match found {
        Ok(found) => found,
        Err(failure) => return unread(&subject, project.as_str(), failure),
    };
    let off: Vec<&str> = needed.iter().copied().filter(|host| !found.is_on(host)).collect();
    if off.is_empty() {
        return Line::ok(&subject, format!("{} are enabled", needed.join(", ")));
    }
    let enable = format!("gcloud services enable {} --project={project}", off.join(" "));
    Line::bad(&subject, format!("{} must be enabled", off.join(", ")), enable)
}

/// Of whoever asks: run as the service's account to hear of the service.
pub fn permissions(project: &ProjectId, wanted: &[&Permission], found: &Read<Granted>) -> Vec<Line> {
    let subject = format!("permissions in {project}");
    let found = match found {
        Ok(found) => found,
        Err(failure) => return vec![unread(&subject, project.as_str(), failure)],
    };
    let lacks = |role: &Role| -> Vec<&Permission> {
        let of_role = wanted.iter().copied().filter(|one| one.role == *role);
        of_role.filter(|one| !found.permissions.iter().any(|name| name == one.name)).collect()
    };
    let missing: Vec<_> = Role::ALL.iter().map(lacks).filter(|missing| !missing.is_empty()).collect();
    if missing.is_empty() {
        return vec![Line::ok(&subject, format!("all {} are granted", wanted.len()))];
    }
    let told = |missing: Vec<&Permission>| {
        let list: Vec<_> = missing.iter().map(|one| format!("cannot {}: `{}`", one.what, one.name)).collect();
        // Nothing of a role is there: it is not bound at all.
        let role = missing[0].role;
        let unbound = missing.len() == wanted.iter().filter(|one| one.role == role).count();
        let is_usual = matches!(role, Role::Look | Role::Write);
        let fix = if unbound && is_usual { role.bind(project.as_str()) } else { missing[0].fix(project.as_str()) };
        Line::bad(&subject, list.join("; "), fix)
    };
    missing.into_iter().map(told).collect()
}

pub fn quotas(project: &ProjectId, found: &Read<Quotas>) -> Line {
    let subject = format!("quotas of {project}");
    let found = match found {
        Ok(found) => found,
        Err(failure) => return unread(&subject, project.as_str(), failure),
    };
    let ours: Vec<_> = found.quotas.iter().filter(|quota| METRICS.contains(&quota.metric.as_str())).collect();
    let told = |quotas: &[&super::facts::Quota]| {
        let each = quotas.iter().map(|quota| format!("{} {} of {}", quota.metric, quota.usage, quota.limit));
        each.collect::<Vec<_>>().join(", ")
    };
    let near: Vec<_> = ours.iter().copied().filter(|quota| quota.usage >= quota.limit * QUOTA_WARNING_SHARE).collect();
    if near.is_empty() {
        return Line::ok(&subject, told(&ours));
    }
    let used_up = near.iter().any(|quota| quota.usage >= quota.limit);
    let page = format!("https://console.cloud.google.com/iam-admin/quotas?project={project}");
    let (text, fix) = (format!("nearly or wholly used up: {}", told(&near)), format!("ask for more on {page}"));
    if used_up { Line::bad(&subject, text, fix) } else { Line::warn(&subject, text, fix) }
}

/// The vCPUs of one instance, as quotas count them. <https://cloud.google.com/compute/docs/general-purpose-machines>
fn cpus_of(machine: MachineType) -> u32 {
    match machine {
        MachineType::F1Micro => 1,
        MachineType::E2Micro => 2,
        MachineType::E2Standard4 => 4,
    }
}

/// Whether one more connector fits in the CPUs of a region: with its fewest instances it is made at all, with its most it
/// can grow.
pub fn cpus(project: &ProjectId, region: &Region, size: &ConnectorSection, found: &Read<RegionQuotas>) -> Line {
    let subject = format!("CPUs of {project} in {region}");
    let found = match found {
        Ok(found) => found,
        Err(failure) => return unread(&subject, project.as_str(), failure),
    };
    let Some(quota) = found.quotas.iter().find(|quota| quota.metric == "CPUS") else {
        let show = format!("gcloud compute regions describe {region} --project={project}");
        return Line { mark: super::Mark::Unknown, ..Line::warn(&subject, "the region tells no quota CPUS", show) };
    };
    let each = cpus_of(size.machine_type);
    let (min, max) = (size.min_instances * each, size.max_instances * each);
    let free = quota.limit - quota.usage;
    let text = format!(
        "{free} of {} are free; one more connector takes {min} to {max} ({} to {} {})",
        quota.limit,
        size.min_instances,
        size.max_instances,
        size.machine_type.as_str()
    );
    let page =
        format!("ask for more CPUS in {region} on https://console.cloud.google.com/iam-admin/quotas?project={project}");
    match free {
        free if free < f64::from(min) => Line::bad(&subject, text, page),
        free if free < f64::from(max) => Line::warn(&subject, text, page),
        _ => Line::ok(&subject, text),
    }
}
