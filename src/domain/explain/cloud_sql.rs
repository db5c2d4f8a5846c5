//! Connections to Cloud SQL at the end of a path.

use ipnet::Ipv4Net;

use super::path::{Hop, HopKind, HopState, Scene};
use crate::domain::{
    codes::HopCode,
    demand::listed,
    doctor::{
        Line, Mark,
        cloud_sql::{Attached, Client, Connection},
        facts::SqlInstance,
    },
    firewall::reach::{self, Machines, Reach, Sender, VerdictKind},
    names::relative,
    state::{
        interface::Attachment,
        subnet::Subnet,
        workload::{Interface, Workload},
    },
    text,
};

impl Scene<'_> {
    /// The hops, and one for all instances that the workload is connected to.
    pub(super) fn with_cloud_sql(&self, workload: &Workload, mut hops: Vec<Hop>) -> Vec<Hop> {
        if workload.sql.is_empty() {
            return hops;
        }
        let client = Client { project: &self.observed.target.project, workload, network: self.attached(workload) };
        let lines: Vec<Line> = client.lines(self.cloud_sql);
        let stopped =
            self.private(workload).filter_map(|(name, found)| Some((name, self.stopped(workload, name, found)?)));
        let (names, stopped): (Vec<&str>, Vec<String>) = stopped.unzip();
        let state = match lines.iter().map(|line| line.mark).max() {
            _ if !stopped.is_empty() => HopState::Broken,
            Some(Mark::Bad) => HopState::Broken,
            Some(Mark::Warn | Mark::Unknown) | None => HopState::Unknown,
            Some(Mark::Ok) => HopState::Ok,
        };
        let code = match state {
            _ if !stopped.is_empty() => Some(HopCode::FirewallRule),
            HopState::Ok if self.private(workload).next().is_none() => Some(HopCode::GoogleAddresses),
            HopState::Ok => None,
            HopState::Unknown => Some(HopCode::NotChecked),
            _ => Some(HopCode::CloudSqlUnreachable),
        };
        let is_stopped = |line: &&Line| names.iter().any(|name| line.text.starts_with(&format!("{name} ")));
        let right = lines.iter().filter(|line| line.mark == Mark::Ok && !is_stopped(line));
        let right: Vec<&str> = right.map(|line| line.text.as_str()).collect();
        let wrong = lines.iter().filter(|line| line.mark != Mark::Ok);
        let notes = wrong.map(|line| match &line.fix {
            Some(fix) => format!("{}: {fix}", line.text),
            None => line.text.clone(),
        });
        let text = text::explain::cloud_sql(&right);
        let hop = Hop::new(HopKind::CloudSql, "", state, text);
        hops.push(Hop { notes: notes.chain(stopped).collect(), code, ..hop });
        hops
    }

    fn attached(&self, workload: &Workload) -> Attached<'_> {
        match (&workload.connector, workload.direct.first()) {
            (Some(_), _) => Attached::To(&self.observed.network_name),
            (None, Some(interface)) => match self.observed.attachment(interface) {
                Attachment::Subnet(_) | Attachment::Absent => Attached::To(&self.observed.network_name),
                Attachment::OtherNetwork => Attached::Unknown,
            },
            (None, None) => Attached::ToNone,
        }
    }

    /// Instances that are reached by a private address alone.
    fn private<'a>(&'a self, workload: &'a Workload) -> impl Iterator<Item = (&'a str, &'a SqlInstance)> {
        workload.sql.iter().filter_map(|name| {
            let found = self.cloud_sql.instances.get(&Connection::parse(name)?)?.as_ref().ok()?.as_ref()?;
            (!found.is_public() && found.private_network().is_some()).then_some((name.as_str(), found))
        })
    }

    fn range_of(&self, workload: &Workload) -> Option<Ipv4Net> {
        if let Some(connector) = self.connector_of(workload) {
            let standing = listed(self.observed, &connector)??;
            let hidden = || standing.ip_cidr_range.parse().ok();
            return self.subnet_of(standing).and_then(Subnet::cidr).or_else(hidden);
        }
        match self.observed.attachment(workload.direct.first()?) {
            Attachment::Subnet(subnet) => subnet.cidr(),
            Attachment::Absent | Attachment::OtherNetwork => None,
        }
    }

    /// The rule that stops packets to the database of an instance.
    fn stopped(&self, workload: &Workload, name: &str, instance: &SqlInstance) -> Option<String> {
        let (Ok(firewalls), Ok(effective)) = (&self.observed.firewalls, &self.observed.effective) else { return None };
        let (address, port) = (instance.private_address()?, instance.port()?.to_string());
        let packets = Reach::of([format!("{address}/32").as_str()], [("tcp", std::slice::from_ref(&port))]);
        let tag = self.connector_of(workload).map(|connector| connector.tag());
        let machines = match (&tag, workload.direct.first()) {
            (Some(tag), _) => Machines::Connector(tag),
            (None, Some(Interface { tags, .. })) => Machines::Direct(tags),
            (None, None) => return None,
        };
        let network = self.observed.network_name.to_string();
        let here = firewalls.iter().filter(|rule| relative(&rule.network) == network);
        let policies_first = matches!(&self.observed.network, Some(Ok(Some(network))) if network.policies_first());
        let sender = Sender { machines, range: self.range_of(workload) };
        let verdicts = reach::decide(sender, here, effective, policies_first);
        let stops = |verdict: &&reach::Verdict| {
            verdict.kind == VerdictKind::Deny && verdict.is_certain && verdict.packets.overlaps(&packets)
        };
        let by = verdicts.iter().find(stops)?;
        Some(text::explain::cloud_sql_stopped(name, &format!("tcp:{port} to {address}"), &by.by))
    }
}
