//! Every sentence, as a person reads it: one snapshot a family.

use std::fmt::Display;

use serde_json::json;

use super::{nat::Lost, *};
use crate::domain::{
    firewall::rule_set::Role,
    names::{ConnectorName, ConnectorRef, NetworkRef},
    plan::{ErrorAction, Kind, Verb},
    policy::{ConnectorSection, Ensure, Mode, Rearm},
    stamp::{RELEASED_FOR, Release, Stamp},
    state::{
        connector::ConnectorState,
        egress::Egress,
        firewall::{Direction, Firewall},
        read::{FailureKind, ReadFailure},
        requirement::Requirer,
        route::Route,
        router::{Nat, NatSubnet, Router},
        subnet::Subnet,
        workload::{Workload, WorkloadKind},
    },
    target::Target,
    ways::{By, Part, Ways},
};

fn conn() -> ConnectorRef {
    "projects/demo-project/locations/europe-west2/connectors/conn".to_owned().try_into().unwrap()
}

fn vpc() -> NetworkRef {
    "projects/demo-project/global/networks/my-vpc".to_owned().try_into().unwrap()
}

fn by() -> [Requirer; 4] {
    [
        Requirer::Workload("job a".into()),
        Requirer::Declared,
        Requirer::Wanted(Some("namespaces/p/jobs/b".into())),
        Requirer::Stamp,
    ]
}

impl Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let by = self.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        write!(f, "[{}]{by} {}: {}", self.code, self.object, self.text)
    }
}

fn lines(sentences: &[&dyn Display]) -> String {
    sentences.iter().map(|sentence| format!("{sentence}\n")).collect()
}

fn job() -> Workload {
    Workload { egress: Egress::AllTraffic, ..Workload::by_connector(WorkloadKind::Job, "a", "", "") }
}

#[test]
fn connectors() {
    let size = ConnectorSection::default();
    let unused = [("hub", vec!["team-b".to_owned()]), ("spare", Vec::new())]
        .map(|(name, projects)| (ConnectorName::parse(name).unwrap(), projects));
    let why = failed(FailureKind::AddressConflict, "no range");
    let at = "2026-11-23T12:00:00Z".parse().unwrap();
    let bad = ConnectorRef::parse("Conn_1", &conn().project, &conn().region).unwrap_err();
    let long = ConnectorRef { name: "vpc-conn-europe-west".to_owned().try_into().unwrap(), ..conn() };
    insta::assert_snapshot!(lines(&[
        &connector::create(&by(), "egress-conn", &size),
        &connector::create_subnet(&conn(), "10.8.0.0/28", 1),
        &connector::create_subnet(&conn(), "10.8.0.16/28", 2),
        &connector::replace(&conn(), "egress-conn-2", Some(&why)),
        &connector::grow(3, 6),
        &connector::waiting(&conn(), ConnectorState::Creating),
        &connector::waiting(&conn(), ConnectorState::Updating),
        &connector::waiting(&conn(), ConnectorState::Deleting),
        &connector::in_error(&conn(), &ErrorAction::Off, None),
        &connector::in_error(&conn(), &ErrorAction::Mode, Some(&why)),
        &connector::in_error(&conn(), &ErrorAction::Foreign, None),
        &connector::in_error(&conn(), &ErrorAction::Frozen("exempted until 2026-12-01: a test".into()), None),
        &connector::in_error(&conn(), &ErrorAction::PolicyBlocks("connector.names"), None),
        &connector::in_error(&conn(), &ErrorAction::Unread, None),
        &connector::in_error(&conn(), &ErrorAction::Cause, Some(&failed(FailureKind::Invalid, "out of stock"))),
        &connector::in_error_again(&conn(), 2, None),
        &connector::changing_for_long(&conn(), ConnectorState::Creating, at, false),
        &connector::changing_for_long(&conn(), ConnectorState::Creating, at, true),
        &connector::changing_for_long(&conn(), ConnectorState::Updating, at, true),
        &connector::changing_for_long(&conn(), ConnectorState::Deleting, at, true),
        &connector::not_proven_ours(&conn()),
        &connector::other_network(&conn(), "other", &vpc()),
        &connector::elsewhere_missing(&conn(), &by()),
        &connector::elsewhere_asked(&conn(), &by()),
        &connector::elsewhere_changing(&conn(), ConnectorState::Creating),
        &connector::elsewhere_not_ready(&conn(), ConnectorState::Error),
        &connector::bad_reference(&job(), &bad),
        &connector::unknown_project(&job(), &"999999999999".to_owned().try_into().unwrap()),
        &connector::direct_vpc(&job()),
        &connector::long_name(&long).unwrap(),
        &connector::unreferenced(&Target::from(&conn()), &unused, true),
        &connector::unreferenced(&Target::from(&conn()), &unused[..1], false),
        &connector::name_not_allowed(&conn(), &["team-*".into()]),
        &connector::not_ensured(&conn(), Ensure::Never),
        &connector::frozen(&conn(), "job a bears the label egress-reconciler=ignore"),
        &connector::refused_before(&conn(), &why),
        &connector::deleted(&conn()),
        &connector::daily_limit(&conn(), 3),
        &connector::no_space(&conn(), &["10.8.0.0/28".parse().unwrap()], 1, &["subnet a (10.8.0.0/28)".to_owned()]),
    ]));
}

/// A creation whose operation failed.
fn failed(kind: FailureKind, message: &str) -> ReadFailure {
    let call = "vpcaccess.projects.locations.operations.list".to_owned();
    ReadFailure { call, kind, message: message.to_owned(), consumer: None }
}

/// Every cause that a person can remove, of a connector in ERROR and of one that was refused.
#[test]
fn causes() {
    let policy = |name: &str| FailureKind::OrgPolicy { constraint: Some(name.to_owned()) };
    let agent = "Operation failed: 7@cloudservices.gserviceaccount.com needs editor role in the project.";
    let subnet = "service-7@gcp-sa-vpcaccess.iam.gserviceaccount.com does not have the permission \
        compute.subnetworks.use on 'projects/host-project/regions/europe-west2/subnetworks/a'.";
    let causes = [
        failed(FailureKind::Quota, "Operation failed: Insufficient CPU quota in region."),
        failed(FailureKind::Quota, "Quota 'IN_USE_ADDRESSES' exceeded."),
        failed(policy("constraints/compute.vmCanIpForward"), "Constraint violated."),
        failed(policy("constraints/compute.requireVpcFlowLogs"), "Constraint violated."),
        failed(policy("constraints/gcp.resourceLocations"), "Constraint violated."),
        failed(policy("customConstraints/custom.noConnectors"), "Operation denied by custom org policies."),
        failed(FailureKind::OrgPolicy { constraint: None }, "Operation denied by custom org policies."),
        failed(FailureKind::RegionClosed, "Permission denied on 'locations/europe-west2' (or it may not exist)."),
        failed(FailureKind::Denied { permission: None }, agent),
        failed(FailureKind::Denied { permission: None }, subnet),
        failed(FailureKind::Denied { permission: None }, "Permission denied."),
        failed(FailureKind::Quota, "Quota 'CPUS_ALL_REGIONS' exceeded.  Limit: 12.0 globally."),
        failed(
            FailureKind::Quota,
            "Quota exceeded for quota metric 'Connectors' of service 'vpcaccess.googleapis.com'.",
        ),
    ];
    // As the operation told it, and as the answer to the call would.
    let step = Kind::Connector.named("conn");
    let call = |cause: &ReadFailure| ReadFailure {
        call: "vpcaccess.projects.locations.connectors.create".into(),
        ..cause.clone()
    };
    let all = causes.iter().flat_map(|cause| {
        [
            Some(connector::in_error(&conn(), &ErrorAction::Cause, Some(cause))),
            reads::write_blocked(&step, &call(cause), &Target::from(&conn())),
        ]
    });
    let all = all.chain([
        Some(connector::refused_before(&conn(), &causes[0])),
        Some(connector::in_error(&conn(), &ErrorAction::Foreign, Some(&causes[0]))),
        reads::blocked(&call(&causes[7]), &Target::from(&conn())),
    ]);
    let all: Vec<String> = all.flatten().map(|note| note.to_string()).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn gateways() {
    let subnet = ["projects/p/regions/r/subnetworks/apps".to_owned()];
    let router = Router { name: "theirs".into(), ..Router::default() };
    let theirs = Nat {
        name: "nat".into(),
        nat_ips: vec!["projects/p/regions/r/addresses/theirs".into()],
        subnetworks: vec![NatSubnet { name: subnet[0].clone(), ..NatSubnet::default() }],
        ..Nat::default()
    };
    let id = conn();
    let place = (&id.project, &id.region);
    let route = |name: &str, range: &str, hop: &str, tags: &[&str]| -> Route {
        let mut route = json!({"name": name, "network": vpc().to_string(), "destRange": range, "tags": tags});
        route[hop] = "projects/p/global/gateways/default-internet-gateway".into();
        serde_json::from_value(route).unwrap()
    };
    let low = route("low", "0.0.0.0/1", "nextHopInstance", &[]);
    let tagged = route("tagged", "0.0.0.0/0", "nextHopIlb", &["web"]);
    let direct = route("direct", "0.0.0.0/0", "nextHopGateway", &["web", "app"]);
    let part = Part { range: "0.0.0.0/1".parse().unwrap(), by: By::Elsewhere(&low) };
    let to_appliances = Ways { parts: vec![part], gaps: true, ..Ways::default() };
    let denied = |permission: &str| ReadFailure {
        call: "the.call".into(),
        kind: FailureKind::Denied { permission: Some(permission.into()) },
        message: format!("Required '{permission}' permission for 'projects/demo-project'"),
        consumer: None,
    };
    let raced =
        |lost: &Lost| nat::raced(("p", "r", "ours"), "alice@example.com", ("patch", "2026-11-23T12:00:00Z"), lost);
    insta::assert_snapshot!(lines(&[
        &nat::create(&subnet, nat::Need::AllTraffic, &[]),
        &nat::create(&subnet, nat::Need::Always, &["out-1".into()]),
        &nat::create(&subnet, nat::Need::DirectVpc, &[]),
        &nat::extend(&subnet, true, Some("alice@example.com")),
        &nat::extend(&subnet, false, None),
        &nat::repair(&["nat.log"], Some("alice@example.com")),
        &nat::hidden_subnet(&conn()),
        &nat::in_the_way("theirs", "nat"),
        &nat::listed_idle("theirs", "nat", &subnet[0]),
        &nat::unfit("ours", "egress-nat", &subnet[0]),
        &nat::full("ours", &subnet[0], 50),
        &nat::router_quota(&vpc(), &conn().region, &[&router]),
        &routes::elsewhere(&to_appliances),
        &routes::none_applies(&vpc(), &Ways::default(), false),
        &routes::none_applies(&vpc(), &Ways::default(), true),
        &routes::none_applies(&vpc(), &Ways { idle: vec![&tagged], ..Ways::default() }, false),
        &routes::none_applies(&vpc(), &Ways { idle: vec![&direct], ..Ways::default() }, false),
        &routes::policies_unread(&denied("networkconnectivity.policyBasedRoutes.list")),
        &routes::unread(&denied("compute.routers.get")),
        &nat::static_address_missing("out-1", place),
        &nat::static_address_unfit("out-1", "10.0.0.9", place),
        &nat::static_address_in_use("out-1", "projects/p/regions/r/forwardingRules/front"),
        &nat::static_address_unused(&[&"out-1".to_owned()], &theirs, "theirs", Some(&subnet[0]), place),
        &nat::addresses_unread(&denied("compute.addresses.list")),
        &nat::exhausted("egress-nat", "ours", 2, true),
        &nat::exhausted("nat", "theirs", 1, false),
        &nat::refused(Some("dev@example.com"), "projects/p/regions/r/routers/team", "No.", (&router, &theirs), place),
        &nat::widened("ours"),
        &raced(&Lost::Gone(vec!["team".into()])),
        &raced(&Lost::Changed(vec!["team".into(), "nat".into()])),
        &raced(&Lost::Unknown),
        &nat::dead_subnet("ours", "egress-conn", &conn()),
        &nat::no_direct_subnet("europe-west2/apps", &vpc()),
    ]));
}

#[test]
fn direct_vpc_and_google_apis() {
    let subnet = Subnet { name: "small".into(), ip_cidr_range: "10.8.0.0/28".into(), ..Subnet::default() };
    let target = Target { project: conn().project, region: conn().region };
    let host = NetworkRef { project: "host-project".to_owned().try_into().unwrap(), ..vpc() };
    let pool = Workload { kind: WorkloadKind::WorkerPool, ..job() };
    let theirs = ConnectorRef { project: "other-project".to_owned().try_into().unwrap(), ..conn() };
    let second = ConnectorRef { name: "second".to_owned().try_into().unwrap(), ..conn() };
    insta::assert_snapshot!(lines(&[
        &direct::on_connector_subnet(&job(), &subnet, &conn(), &target, &vpc()),
        &direct::on_connector_subnet(&pool, &subnet, &theirs, &target, &host),
        &google_apis::stopped(&[&conn()], true, &vpc()),
        &google_apis::stopped(&[&conn(), &second], false, &host),
        &google_apis::warning(false),
    ]));
}

#[test]
fn firewalls() {
    let rule = Firewall { name: "allow-conn-int".into(), network: vpc().to_string(), ..Firewall::default() };
    let moved = Firewall { priority: 920, ..rule.clone() };
    insta::assert_snapshot!(lines(&[
        &firewall::create(Role::Infra, &conn()),
        &firewall::repair(Role::Internal, &rule, &moved, Some("alice@example.com")),
        &firewall::repair(Role::Deny, &Firewall { disabled: true, ..rule.clone() }, &moved, None),
        &firewall::retire(&rule),
        &firewall::bridge(),
        &firewall::arm(),
        &firewall::allows_first(&["allow-conn-int".into()]),
        &firewall::unmanaged(&conn()),
        &firewall::unkept(&conn(), &[&rule]).unwrap(),
        &firewall::automatic("broad", false),
        &firewall::automatic("broad", true),
        &firewall::replace_automatic(false),
        &firewall::replace_automatic(true),
        &firewall::other_network(&rule, &conn()),
        &firewall::foreign_deny("allow-conn-int", "no-ssh", true),
        &firewall::foreign_deny("allow-conn-int", "no-ssh", false),
        &firewall::would_uncover("deny-conn", 990, "open-wide"),
        &firewall::watch_defeats("watch-conn", "no-ssh"),
        &firewall::disable_watch("no-ssh"),
        &firewall::shadowed(&conn(), "open-wide"),
        &firewall::disarmed("deny-conn", &conn(), Some("alice@example.com"), true),
        &firewall::disarmed("deny-conn", &conn(), None, false),
        &firewall::frozen(&conn(), "exempted until 2026-12-01: a test"),
    ]));
}

#[test]
fn orders() {
    let deny = Firewall { name: "deny-conn".into(), direction: Direction::Egress, ..Firewall::default() };
    let inner = Firewall { name: "deny-conn-in".into(), ..Firewall::default() };
    let release = Release::new("alice@example.com", "2026-11-23T03:12:45Z".parse().unwrap(), RELEASED_FOR);
    let shorter = Release::new("bob@example.com", "2026-11-23T04:00:00Z".parse().unwrap(), RELEASED_FOR / 12);
    let claimed = break_glass::claimed(&release);
    let timeless = Stamp::read("managed-by=egress-reconciler released-by=alice@example.com at=noon").unwrap();
    let timeless = timeless.released.unwrap();
    let days_later = "2026-11-27T04:00:00Z".parse().unwrap();
    insta::assert_snapshot!(lines(&[
        &break_glass::release(&release, Rearm::Manual),
        &break_glass::keep_down(&release, Rearm::AtOnce),
        &break_glass::kept(&deny, &conn(), &release, &claimed, Rearm::Manual, &shorter),
        &break_glass::clear_mark(),
        &break_glass::released(&deny, &conn(), &release, "alice@example.com", Rearm::Manual),
        &break_glass::released(&inner, &conn(), &release, &claimed, Rearm::AtOnce),
        &break_glass::release_over(&deny, &conn(), &release, &claimed, days_later),
        &break_glass::release_over(&deny, &conn(), &timeless, &claimed, days_later),
        &break_glass::mark(&release),
        &break_glass::mark(&timeless),
        &break_glass::not_released("deny-conn", &conn().project),
        &break_glass::allows_missing("deny-conn", &conn(), &["allow-conn-int".into()]),
        &break_glass::allows_missing("deny-conn", &conn(), &["allow-conn-infra".into(), "allow-conn-int".into()]),
        &break_glass::not_rearmed("deny-conn", break_glass::UNJUDGED),
        &break_glass::connector_gone("deny-conn", &conn()),
        &break_glass::not_asked("deny-conn"),
    ]));
}

#[test]
fn everything_else() {
    let step = Kind::Firewall.named("deny-conn");
    let failure =
        |kind| ReadFailure { call: "compute.firewalls.list".into(), kind, message: "No.".into(), consumer: None };
    let read =
        |kind| reads::blocked(&failure(kind), &Target::from(&conn())).map_or_else(String::new, |note| note.to_string());
    let used_up = |call: &str, message: &str| {
        let failure = ReadFailure { call: call.to_owned(), message: message.to_owned(), ..failure(FailureKind::Quota) };
        reads::blocked(&failure, &Target::from(&conn())).map_or_else(String::new, |note| note.to_string())
    };
    let denied = |message: &str| {
        let failure = ReadFailure { message: message.to_owned(), ..failure(FailureKind::Denied { permission: None }) };
        reads::blocked(&failure, &Target::from(&conn())).map_or_else(String::new, |note| note.to_string())
    };
    insta::assert_snapshot!(lines(&[
        &limits::mode(Mode::Report, Verb::Create, "needed by job a"),
        &limits::mode(Mode::Create, Verb::Repair, "was disabled"),
        &limits::depends(&step, "needed by job a"),
        &limits::budget("budget.changes_per_run", "needed by job a"),
        &limits::undone("2026-11-23T12:00:00Z".parse().unwrap(), "was disabled"),
        &limits::left_alone(&step, "2026-11-23T12:00:00Z".parse().unwrap(), Some("alice@example.com")),
        &network::missing(&vpc()),
        &network::create(&vpc()),
        &prune::mark(&conn(), true),
        &prune::mark(&conn(), false),
        &prune::connector(&conn()),
        &prune::unlist(&["egress-conn".into()]),
        &prune::rule(&conn()),
        &prune::subnet(&conn()),
        &prune::left_over(&conn()),
        &read(FailureKind::Denied { permission: Some("compute.firewalls.list".into()) }),
        &denied("Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: VQQn-KfX_tZ",),
        &denied("Project demo-project (#7) has billing disabled. Please enable it."),
        &denied("Caller does not have required permission to use project home. Grant the caller a role."),
        &read(FailureKind::ApiDisabled),
        &read(FailureKind::Quota),
        &used_up("compute.routers.insert", "Quota 'ROUTERS' exceeded.  Limit: 20.0 globally."),
        &used_up("compute.routers.insert", "Quota 'ROUTERS' exceeded.  Limit: 10.0 in region europe-west2."),
        &used_up("vpcaccess.projects.locations.connectors.create", "Quota exceeded for quota metric 'Connectors'."),
        &read(FailureKind::Invalid),
        &reads::transient(&failure(FailureKind::Transient)),
        &reads::died(),
        &reads::write_failed("compute.firewalls.patch was refused: 503 backendError: No.", true),
        &reads::write_failed("compute.firewalls.patch was refused: 400 invalid: No.", false),
        &name_taken("router", "egress-my-vpc"),
    ]));
}
