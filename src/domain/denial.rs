//! Why Google denied a call where granting the permission of the call does not help.

/// What stands in the way, by Google's own sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial<'a> {
    /// The caller lacks a permission for what was asked.
    Permission,
    /// A service perimeter: <https://cloud.google.com/vpc-service-controls/docs/troubleshooting>.
    Perimeter { violation: Option<&'a str> },
    /// The project that Google names, by its number or id, has no billing account.
    Billing { project: Option<&'a str> },
    /// The caller may not use the project that the call counts against.
    QuotaProject { project: &'a str },
}

impl<'a> Denial<'a> {
    pub fn of(message: &'a str) -> Self {
        let after = |words| message.split_once(words).and_then(|(_, rest)| name(rest));
        if message.contains("vpcServiceControlsUniqueIdentifier")
            || message.contains("Request is prohibited by organization's policy")
        {
            return Self::Perimeter { violation: after("vpcServiceControlsUniqueIdentifier: ") };
        }
        if message.contains("requires billing to be enabled") || message.contains("has billing disabled") {
            return Self::Billing { project: after("on project #").or_else(|| after("Project ")) };
        }
        match after("Caller does not have required permission to use project ") {
            Some(project) => Self::QuotaProject { project },
            None => Self::Permission,
        }
    }
}

/// A project or an identifier, which commands repeat.
fn name(rest: &str) -> Option<&str> {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:".contains(c))).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn google_says_what_stands_in_the_way() {
        use Denial::*;
        let cases = [
            (
                "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: VQQn-KfX_tZ",
                Perimeter { violation: Some("VQQn-KfX_tZ") },
            ),
            ("Request is prohibited by organization's policy.", Perimeter { violation: None }),
            (
                "This API method requires billing to be enabled. Please enable billing on project #1051023892108 by visiting https://console.developers.google.com/billing/enable?project=1051023892108 then retry.",
                Billing { project: Some("1051023892108") },
            ),
            (
                "Project charming-module-137923 (#808448574146) has billing disabled. Please enable it.",
                Billing { project: Some("charming-module-137923") },
            ),
            (
                "Caller does not have required permission to use project home-project. Grant the caller the roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission, by visiting https://console.developers.google.com/iam-admin/iam/project?project=home-project and then retry.",
                QuotaProject { project: "home-project" },
            ),
            ("Required 'compute.firewalls.create' permission for 'projects/p/global/firewalls/x'", Permission),
            ("Permission denied on 'locations/europe-west9' (or it may not exist).", Permission),
            ("Caller does not have required permission to use project $(x)", Permission),
        ];
        for (message, denial) in cases {
            assert_eq!(Denial::of(message), denial, "{message}");
        }
    }
}
