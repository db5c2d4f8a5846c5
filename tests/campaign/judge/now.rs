//! The world at one moment of a scene, and what becomes of packets in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::is_ours;
use crate::{
    history::Change,
    scene::Scene,
    walker::{self, Fate, Network, Packet, Sender},
};

/// A connector that can send packets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connector {
    pub path: String,
    pub tag: String,
    pub range: (u32, u32),
    /// On a subnet that bears our stamp.
    pub ours: bool,
}

#[derive(Default, Clone)]
pub struct Now<'a> {
    documents: BTreeMap<&'a str, (&'static str, &'a Value)>,
}

impl<'a> Now<'a> {
    pub fn apply(&mut self, change: &'a Change) {
        match &change.document {
            Some(document) => {
                self.documents.insert(&change.path, (change.collection, document));
            }
            None => drop(self.documents.remove(change.path.as_str())),
        }
    }

    pub fn get(&self, path: &str) -> Option<&'a Value> {
        self.documents.get(path).map(|(_, document)| *document)
    }

    pub fn all(&self, collection: &'static str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let of = self.documents.iter().filter(move |(_, (of, _))| *of == collection);
        of.map(|(path, (_, document))| (*path, *document))
    }

    pub fn connector(&self, scene: &Scene, path: &str) -> Option<Connector> {
        let document = self.get(path)?;
        let mut parts = path.split('/').skip(3).step_by(2);
        let (region, name) = (parts.next()?, parts.next()?);
        let subnet = scene.subnet(region, document["subnet"]["name"].as_str()?);
        let found = self.get(&subnet)?;
        Some(Connector {
            path: path.to_owned(),
            tag: format!("vpc-connector-{region}-{name}"),
            range: walker::range(found["ipCidrRange"].as_str()?)?,
            ours: is_ours(&subnet, found),
        })
    }

    /// The subnet that a connector stands on.
    pub fn subnet(&self, scene: &Scene, path: &str) -> Option<String> {
        let region = path.split('/').nth(3)?;
        Some(scene.subnet(region, self.get(path)?["subnet"]["name"].as_str()?))
    }

    /// Its instances are there.
    pub fn sends(&self, path: &str) -> bool {
        self.get(path).is_some_and(|document| !["ERROR", "DELETING"].iter().any(|state| document["state"] == *state))
    }

    pub fn connectors(&self, scene: &Scene) -> Vec<Connector> {
        self.all("vpcaccess.connectors").filter_map(|(path, _)| self.connector(scene, path)).collect()
    }

    /// What becomes of each of the packets that a connector sends; with our rules, or as if there were none.
    pub fn fates(&self, scene: &Scene, of: &Connector, ours: bool) -> Vec<Fate> {
        let tags = [of.tag.as_str(), "vpc-connector"];
        let meant = |rule: &Value| match rule["targetTags"].as_array() {
            Some(targets) if !targets.is_empty() => targets.iter().any(|tag| tags.iter().any(|own| tag == own)),
            _ => true,
        };
        let rules = self.all("compute.firewalls").filter(|(path, rule)| meant(rule) && (ours || !is_ours(path, rule)));
        let rules: Vec<Value> = rules.map(|(_, rule)| rule.clone()).collect();
        let policies = |collection, kind: &'static str| {
            self.all(collection).map(move |(path, policy)| {
                let name = path.rsplit('/').next();
                json!({"name": name, "type": kind, "priority": 1000, "rules": policy["rules"]})
            })
        };
        let region = format!("/regions/{}/", of.path.split('/').nth(3).unwrap_or_default());
        let regional = self.all("compute.regionNetworkFirewallPolicies").filter(|(path, _)| path.contains(&region));
        let regional = regional.map(|(path, policy)| {
            json!({"name": path.rsplit('/').next(), "type": "NETWORK_REGIONAL", "priority": 1000, "rules": policy["rules"]})
        });
        let above = policies("compute.firewallPolicies", "HIERARCHY");
        let network = policies("compute.networkFirewallPolicies", "NETWORK");
        let policies: Vec<Value> = above.chain(network).chain(regional).collect();
        let path = scene.network();
        let network = Network { path: &path, rules: &rules, policies: &policies, policies_first: scene.policies_first };
        PACKETS.iter().map(|packet| network.walk(Sender { tags: &tags, from: Some(of.range) }, *packet)).collect()
    }
}

const fn packet(to: [u8; 4], protocol: u8, port: u16) -> Packet {
    Packet { to: u32::from_be_bytes(to), protocol, port }
}

/// The connector's own control and data plane: the first packets of the list.
pub const CONTROL: usize = 4;

/// On both sides of every border that the scenes' rules and policies have.
pub const PACKETS: [Packet; 28] = [
    packet([35, 199, 224, 0], 6, 667),
    packet([35, 199, 224, 7], 17, 665),
    packet([35, 199, 255, 255], 17, 666),
    packet([35, 199, 224, 7], 1, 0),
    packet([35, 199, 224, 7], 6, 22),
    packet([35, 200, 0, 0], 6, 667),
    packet([199, 36, 153, 4], 6, 443),
    packet([199, 36, 153, 9], 6, 443),
    packet([199, 36, 153, 9], 6, 80),
    packet([34, 126, 0, 1], 6, 443),
    packet([8, 8, 8, 8], 17, 53),
    packet([8, 8, 8, 8], 6, 443),
    packet([8, 8, 8, 8], 6, 22),
    packet([8, 8, 8, 9], 17, 53),
    packet([8, 8, 9, 0], 17, 53),
    packet([1, 1, 1, 1], 6, 443),
    packet([1, 1, 1, 1], 6, 80),
    packet([1, 1, 1, 1], 6, 25),
    packet([1, 1, 1, 1], 17, 123),
    packet([1, 1, 1, 1], 47, 0),
    packet([10, 0, 0, 0], 6, 5432),
    packet([10, 255, 255, 255], 6, 443),
    packet([10, 1, 2, 3], 17, 53),
    packet([10, 1, 2, 3], 47, 0),
    packet([11, 0, 0, 0], 6, 5432),
    packet([192, 168, 3, 4], 6, 443),
    packet([192, 168, 3, 4], 17, 99),
    packet([172, 16, 0, 1], 6, 22),
];

/// The firewall section of a policy for one connector; `None` = it is exempted, and left alone.
fn firewall_of(policy: &Value, of: &Connector) -> Option<Value> {
    let name = of.path.rsplit('/').next().unwrap_or_default();
    let list = |key: &str| policy[key].as_array().cloned().unwrap_or_default();
    if list("exemptions").iter().any(|entry| entry["connector"] == name) {
        return None;
    }
    let mut firewall = policy["firewall"].clone();
    let own = list("overrides").into_iter().find(|entry| entry["match"]["connectors"][0] == name);
    for (key, value) in own.iter().flat_map(|entry| entry["firewall"].as_object().into_iter().flatten()) {
        firewall[key] = value.clone();
    }
    Some(firewall)
}

/// Whether a policy opens this packet of a connector, by what its document says.
pub fn opens(policy: &Value, of: &Connector, packet: Packet) -> bool {
    let Some(firewall) = firewall_of(policy, of).filter(|firewall| firewall["enforcement"] == "enforce") else {
        return true;
    };
    let within = |ranges: &[&str]| {
        ranges
            .iter()
            .filter_map(|text| walker::range(text))
            .any(|(first, last)| first <= packet.to && packet.to <= last)
    };
    let texts = |list: &'_ Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let within_all = |list: &Value| within(&texts(list).iter().map(String::as_str).collect::<Vec<_>>());
    let control = matches!((packet.protocol, packet.port), (6, 667) | (17, 665 | 666) | (1, _));
    let apis = ["199.36.153.4/30", "199.36.153.8/30", "34.126.0.0/18"];
    let internet = firewall["internet"].as_array().into_iter().flatten().any(|entry| {
        let ports = texts(&entry["ports"]);
        let port = match packet.protocol {
            6 => format!("tcp:{}", packet.port),
            17 => format!("udp:{}", packet.port),
            _ => return false,
        };
        within_all(&entry["to"]) && ports.contains(&port)
    });
    control && within(&["35.199.224.0/19"])
        || (packet.protocol, packet.port) == (6, 443) && within(&apis)
        || [1, 6, 17].contains(&packet.protocol) && within_all(&firewall["internal"])
        || internet
}
