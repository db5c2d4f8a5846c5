//! Google's APIs at their public addresses: whether a policy that stops what it does not name leaves a way to them.

use jiff::Timestamp;

use super::{reach::Reach, rule_set::current};
use crate::domain::{
    policy::{Enforcement, FirewallSection, Policy},
    ports,
};

/// Where `*.googleapis.com` leads where no DNS zone says otherwise: front ends among the default domains of Google.
/// <https://cloud.google.com/vpc/docs/configure-private-google-access#ip-addr-defaults>
const PUBLIC_RANGES: [&str; 13] = [
    "64.233.160.0/19",
    "66.102.0.0/20",
    "72.14.192.0/18",
    "74.125.0.0/16",
    "108.177.0.0/17",
    "142.250.0.0/15",
    "172.217.0.0/16",
    "172.253.0.0/16",
    "173.194.0.0/16",
    "192.178.0.0/15",
    "209.85.128.0/17",
    "216.58.192.0/19",
    "216.239.32.0/19",
];

/// HTTPS to those addresses.
pub fn public() -> Reach {
    Reach::of(PUBLIC_RANGES, [("tcp", ["443".to_owned()].as_slice())])
}

/// Whether the rules of this section stop a part of them, so that all traffic of a workload must not need them.
pub fn are_stopped(section: &FirewallSection, now: Timestamp) -> bool {
    if section.enforcement != Enforcement::Enforce {
        return false;
    }
    let internal: Vec<_> = section.internal.iter().map(ToString::to_string).collect();
    let internal = Reach::of(internal.iter().map(String::as_str), [("tcp", [].as_slice())]);
    let open = current(section, now).fold(internal, |open, entry| {
        let ranges: Vec<_> = entry.to.iter().map(ToString::to_string).collect();
        let layer4 = ports::layer4(&entry.ports);
        let layer4: Vec<_> = layer4.iter().map(|own| (own.protocol.as_str(), own.ports.as_slice())).collect();
        open.or(&Reach::of(ranges.iter().map(String::as_str), layer4))
    });
    !open.contains(&public())
}

/// The parts of a policy that stop them: the policy itself, by the name `firewall`, and each override that does where the
/// policy itself does not.
pub fn stopped_by(policy: &Policy, now: Timestamp) -> Vec<(String, &FirewallSection)> {
    if are_stopped(&policy.firewall, now) {
        return vec![("firewall".to_owned(), &policy.firewall)];
    }
    let overrides = policy.resolved.iter().enumerate();
    let stopping = overrides.filter(|(_, resolved)| are_stopped(&resolved.firewall, now));
    stopping.map(|(index, resolved)| (format!("overrides[{index}].firewall"), &resolved.firewall)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::read;

    #[test]
    fn what_stops_them() {
        let ranges = format!("[{}]", PUBLIC_RANGES.join(", "));
        let cases = [
            ("enforcement: enforce", false),
            ("enforcement: enforce, internet: []", true),
            ("enforcement: observe, internet: []", false),
            ("enforcement: enforce, internet: [{to: [203.0.113.0/24], ports: [tcp:443]}]", true),
            ("enforcement: enforce, internet: [{to: [0.0.0.0/0], ports: [tcp:80]}]", true),
            ("enforcement: enforce, internet: [{to: [0.0.0.0/1, 128.0.0.0/1], ports: [tcp]}]", false),
            ("enforcement: enforce, internet: [{to: [142.250.0.0/15], ports: [tcp:443]}]", true),
            (&format!("enforcement: enforce, internet: [{{to: {ranges}, ports: ['tcp:400-500']}}]"), false),
            (
                "enforcement: enforce, internet: [{to: [0.0.0.0/0], ports: [tcp:443], reason: x, expires: 2026-03-01}]",
                true,
            ),
            (
                "enforcement: enforce, internet: [{to: [0.0.0.0/0], ports: [tcp:443], reason: x, expires: 2026-03-02}]",
                false,
            ),
        ];
        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        let policy = |firewall: &str, overrides: &str| {
            read(&format!(
                "{{version: 1, owner: lab, mode: enforce, scope: {{projects: [demo-project]}}, network: {{name: my-vpc}}, \
                 connector: {{subnet_pools: [10.8.0.0/20]}}, firewall: {{{firewall}}}, overrides: [{overrides}]}}"
            ))
            .unwrap()
        };
        for (firewall, stopped) in cases {
            assert_eq!(!stopped_by(&policy(firewall, ""), now).is_empty(), stopped, "{firewall}");
        }
        let narrow = "{match: {regions: [europe-west2]}, firewall: {internet: []}}";
        let policy = policy("enforcement: enforce", narrow);
        let places: Vec<_> = stopped_by(&policy, now).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["overrides[0].firewall"]);
    }
}
