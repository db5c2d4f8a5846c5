//! Every code that a note in a report may have. **Contract**: programs rely on these words.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$about:meta])* $name:ident; $($variant:ident $word:literal $meaning:literal)*) => {
        $(#[$about])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum $name {
            $(
                #[doc = $meaning]
                #[serde(rename = $word)]
                $variant,
            )*
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// One sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

codes! {
    /// What a note is about. In the order of their words.
    Code;
    AddressesUnread "addresses-unread" "The region's addresses could not be read; whether `nat.static_ips` can be used is not known."
    AgentRole "agent-role" "A Google service agent lacks a role that connectors or deploys need. The text has the command."
    ApiDisabled "api-disabled" "A call failed because its API is not enabled. The text has the command."
    AutomaticRule "automatic-rule" "A rule matches `firewall.auto_rules`: a broad egress rule that other automation created."
    BadReference "bad-reference" "A workload names a connector that cannot exist."
    ConnectorBusy "connector-busy" "Nothing is known to use the connector, but it sent traffic in the last seven days."
    ConnectorCreating "connector-creating" "Google is creating the connector."
    ConnectorDeleted "connector-deleted" "The connector was deleted while workloads name it, and `connector.recreate` is false."
    ConnectorDeleting "connector-deleting" "Google is deleting the connector, or has been for over an hour."
    ConnectorElsewhere "connector-elsewhere" "A workload names a connector of another project that is missing or not ready."
    ConnectorError "connector-error" "The connector is in state ERROR."
    ConnectorUpdating "connector-updating" "Google is updating the connector, or has been for over an hour."
    CreatingLong "creating-long" "The connector has been in state CREATING for over an hour."
    CreationRefused "creation-refused" "Google refused to create the connector."
    CutOff "cut-off" "A deny of others stops the connector's control traffic, or everything that an entry of the policy allows."
    DailyLimit "daily-limit" "`connector.new_per_day` is used up."
    DeadSubnet "dead-subnet" "Our NAT lists a subnet that no connector uses."
    DefaultRouteAppliance "default-route-appliance" "The default route leads to something other than the internet gateway."
    Denied "denied" "A call was denied. The text names the permission, or what else stops the call."
    DenyHeld "deny-held" "A deny rule keeps its priority, because at the new priority a rule of others would take effect before it."
    DirectVpc "direct-vpc" "The workload uses Direct VPC egress and needs no connector."
    DirectVpcOnConnectorSubnet "direct-vpc-on-connector-subnet" "A workload uses Direct VPC egress on a subnet that belongs to a connector."
    Disarmed "disarmed" "A deny rule is disabled and is not put back by itself."
    ForeignDeny "foreign-deny" "An allow rule of the policy is not written because it would override a deny of others."
    Frozen "frozen" "An exemption or a label opts the connector out."
    GoogleApis "google-apis" "The deny also stops Google's APIs at their public addresses."
    HeldWish "held-wish" "A refused deploy waits for a connector that could not be created yet."
    HiddenSubnet "hidden-subnet" "The connector was created with an IP range, so only a NAT for all subnets can serve it."
    Idle "idle" "No workload names the connector, and the policy does not declare it."
    LeftAlone "left-alone" "A change was undone several times and is not repeated for now."
    LeftOver "left-over" "The connector is gone, and its subnet or rules still exist."
    LegacyNetwork "legacy-network" "The network is a legacy network, which takes neither subnets nor connectors."
    LongName "long-name" "The connector's name is longer than gcloud's documentation asks for."
    NameNotAllowed "name-not-allowed" "`connector.names` does not allow the connector."
    NameTaken "name-taken" "An object with the name that is needed exists and is not managed by egress-reconciler."
    Narrowed "narrowed" "A deny of others stops a part of what the policy allows."
    NatExhausted "nat-exhausted" "The NAT has fewer addresses than its instances need."
    NatFull "nat-full" "Our NAT lists as many subnet ranges as Google allows."
    NatInTheWay "nat-in-the-way" "A NAT of others claims the subnet without serving it, and Google allows one NAT for each range."
    NatRefused "nat-refused" "Google refused a NAT of others because of ours."
    NatUnfit "nat-unfit" "Our NAT was recreated for something other than the egress of virtual machines."
    NatWidened "nat-widened" "Our NAT was changed to serve all subnets."
    NetworkMissing "network-missing" "The policy's network does not exist."
    NoDefaultRoute "no-default-route" "No default route applies to the connector."
    NoDirectSubnet "no-direct-subnet" "`nat.direct_vpc_subnets` names a subnet that does not exist."
    NoInternet "no-internet" "A workload sends all its traffic through Direct VPC egress, and nothing there leads to the internet."
    NotEnsured "not-ensured" "`connector.ensure` does not allow the connector to be created."
    NotProvenOurs "not-proven-ours" "A connector in ERROR is not deleted, because only one of the two proofs that it is ours was found."
    NotRearmed "not-rearmed" "`rearm` left a deny rule disabled."
    NotReleased "not-released" "`release` could not disable a deny rule."
    OrgPolicy "org-policy" "An organization policy forbids the change."
    OtherNetwork "other-network" "The connector is in another network than the policy's."
    PlanStale "plan-stale" "The saved plan that was to be applied is not what would be done now, so nothing was done."
    PolicyRoutesUnread "policy-routes-unread" "Policy-based routes could not be read."
    PoolExhausted "pool-exhausted" "No /28 is free in `connector.subnet_pools`."
    Quota "quota" "A quota is used up."
    QuotaCause "quota-cause" "A quota is too small for the connector's instances."
    ReadFailed "read-failed" "A read failed and is tried again."
    Refused "refused" "Google refused a read as invalid, so nothing that needs it is planned."
    RegionClosed "region-closed" "The region does not offer Serverless VPC Access, or is closed to the project."
    Released "released" "A deny rule is disabled by `release` until the time in the text."
    RoleOutdated "role-outdated" "The role of the service lacks a permission of this version, so some kinds of users cannot be seen."
    RouterQuota "router-quota" "The network has as many routers in the region as Google allows."
    RouterRaced "router-raced" "Others changed our router at the same moment. The text names the operation and the NAT that may be lost."
    RoutesUnread "routes-unread" "Dynamic or peering routes could not be read."
    RunDied "run-died" "The run crashed. Its log says why."
    Shadowed "shadowed" "A rule of others allows more than the policy before our deny is evaluated."
    SmallSubnet "small-subnet" "A workload uses Direct VPC egress on a subnet smaller than /26."
    StaticAddressInUse "static-address-in-use" "An address of `nat.static_ips` is in use by something else."
    StaticAddressMissing "static-address-missing" "An address of `nat.static_ips` does not exist."
    StaticAddressUnfit "static-address-unfit" "An address of `nat.static_ips` is internal or IPv6."
    StaticAddressUnused "static-address-unused" "A NAT of others serves the subnet without the addresses of `nat.static_ips`."
    SubnetFull "subnet-full" "A workload uses Direct VPC egress on a subnet with fewer than 16 free addresses."
    TrafficUnread "traffic-unread" "How much a connector sent could not be read."
    Unkept "unkept" "The connector is no longer adopted, and rules of ours still apply to it."
    Unmanaged "unmanaged" "The connector is neither ours nor adopted, so no rule is written for it."
    Unreferenced "unreferenced" "Connectors exist that no workload of the project uses. Only plans and dry runs say so."
    UtilizationUnread "utilization-unread" "How many addresses of a subnet are free could not be read."
    WatchDefeatsDeny "watch-defeats-deny" "The watch rule is not written, or is disabled, because it would override a deny rule of others."
}

codes! {
    /// What there is to know of a hop of a path. Those in capitals are the causes of Google's Connectivity Tests
    /// (<https://cloud.google.com/network-intelligence-center/docs/connectivity-tests/states/configuration-analysis-states>).
    /// In the order of their words.
    HopCode;
    CloudNatNoAddresses "CLOUD_NAT_NO_ADDRESSES" "The Cloud NAT needs more addresses than it has."
    FirewallRule "FIREWALL_RULE" "A firewall rule, or a rule of a firewall policy, blocks some of the traffic or all of it."
    NoExternalAddress "NO_EXTERNAL_ADDRESS" "No Cloud NAT covers the subnet, so its internal addresses cannot reach the internet."
    NoRoute "NO_ROUTE" "No visible default route applies."
    PrivateGoogleAccessDisallowed "PRIVATE_GOOGLE_ACCESS_DISALLOWED" "Private Google Access is off on the subnet."
    ConnectorNotRunning "VPC_CONNECTOR_NOT_RUNNING" "The connector is not in state READY."
    Appliance "appliance" "Routes send internet traffic to an appliance, so no Cloud NAT is needed."
    BadReference "bad-reference" "The workload references a connector that cannot exist."
    CloudSqlUnreachable "cloud-sql-unreachable" "A connection to Cloud SQL cannot come through."
    Disarmed "disarmed" "Our deny rule is disabled or missing."
    GoogleAddresses "google-addresses" "The traffic does not pass the VPC; it leaves from Google's shared addresses."
    MissingConnector "missing-connector" "The connector does not exist."
    MissingSubnet "missing-subnet" "The subnet does not exist."
    NoVpc "no-vpc" "The workload uses neither a connector nor Direct VPC egress."
    NotChecked "not-checked" "This was not read, or belongs to another owner."
    OldRevisions "old-revisions" "Only revisions other than the newest use a VPC."
    OtherNetwork "other-network" "The connector or subnet is in another network than the policy's."
    OutOfSync "out-of-sync" "The firewall rules differ from what the policy asks for."
    PrivateOnly "private-only" "Only traffic to private ranges uses the VPC."
    Shadowed "shadowed" "A rule of others allows more than the policy."
    SubnetFull "subnet-full" "Fewer than 16 addresses of the subnet are free, so instances may not start."
    SubnetInUse "subnet-in-use" "The subnet belongs to a connector."
    Unmanaged "unmanaged" "No rule of ours is written for the connector."
    Unread "unread" "A read failed, so this is not known."
}

impl Code {
    /// Something that a decision was made without.
    pub fn is_unread(self) -> bool {
        self.word().ends_with("-unread")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order_and_are_what_is_serialised() {
        assert!(Code::ALL.is_sorted_by_key(|code| code.word()));
        assert!(HopCode::ALL.is_sorted_by_key(|code| code.word()));
        for code in HopCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.word());
        }
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.word());
        }
    }
}
