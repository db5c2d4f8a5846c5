//! A change of a router's gateways, made in the router as it is by now: others write the same list.

use serde_json::{Map, Value};

use super::names::relative;

/// What to write.
#[derive(Debug, PartialEq)]
pub enum Merge {
    /// The router's gateways: all as they are, with our change alone made in them.
    Write(Value),
    /// The change is there already.
    Nothing,
    /// The change no longer fits: why. The next look decides anew.
    Changed(String),
}

/// What turns `before` into `after`, done to `now`. All three are router documents.
pub fn nats(before: &Value, after: &Value, now: &Value) -> Merge {
    if before["description"] != now["description"] {
        return Merge::Changed("its description was changed".to_owned());
    }
    let mut nats: Vec<Value> = list(now, "nats").to_vec();
    for name in names(before, after) {
        let at = nats.iter().position(|nat| nat["name"] == name.as_str());
        match (find(before, &name), find(after, &name), at) {
            (old, new, _) if old == new => {}
            (Some(old), Some(new), Some(at)) => nats[at] = merged(old, new, &nats[at]),
            (None, Some(new), None) => nats.push(new.clone()),
            (Some(old), None, Some(at)) if *old == nats[at] => drop(nats.remove(at)),
            (Some(_), None, None) => {}
            (None, _, Some(_)) => return Merge::Changed(format!("it has a NAT {name} by now")),
            (Some(_), None, Some(_)) => return Merge::Changed(format!("its NAT {name} was changed")),
            (Some(_), Some(_), None) => return Merge::Changed(format!("its NAT {name} was deleted")),
            (None, None, _) => {}
        }
    }
    if nats == list(now, "nats") { Merge::Nothing } else { Merge::Write(nats.into()) }
}

fn names(before: &Value, after: &Value) -> Vec<String> {
    let all = list(before, "nats").iter().chain(list(after, "nats"));
    let mut names: Vec<String> = all.filter_map(|nat| nat["name"].as_str().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    names
}

fn list<'a>(of: &'a Value, field: &str) -> &'a [Value] {
    of[field].as_array().map_or(&[], Vec::as_slice)
}

fn find<'a>(router: &'a Value, name: &str) -> Option<&'a Value> {
    list(router, "nats").iter().find(|nat| nat["name"] == name)
}

/// One gateway: the fields that differ between `old` and `new`, and of its list the entries that differ.
fn merged(old: &Value, new: &Value, now: &Value) -> Value {
    let mut out = now.as_object().cloned().unwrap_or_default();
    for field in fields(old, new) {
        if field == "subnetworks" {
            let entries = entries(list(old, &field), list(new, &field), list(now, &field));
            out.insert(field, entries.into());
        } else {
            set(&mut out, field.clone(), new.get(&field));
        }
    }
    out.into()
}

/// The fields in which two documents differ.
fn fields(old: &Value, new: &Value) -> Vec<String> {
    let all = [old, new].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
    let mut names: Vec<String> = all.filter(|field| old.get(*field) != new.get(*field)).cloned().collect();
    names.sort();
    names.dedup();
    names
}

fn set(of: &mut Map<String, Value>, field: String, value: Option<&Value>) {
    match value {
        Some(value) => drop(of.insert(field, value.clone())),
        None => drop(of.remove(&field)),
    }
}

fn entries(old: &[Value], new: &[Value], now: &[Value]) -> Vec<Value> {
    let subnet = |entry: &Value| relative(entry["name"].as_str().unwrap_or_default()).to_owned();
    let of = |list: &[Value], name: &str| list.iter().find(|entry| subnet(entry) == name).cloned();
    let mut out: Vec<Value> = Vec::new();
    for entry in now {
        let name = subnet(entry);
        match (of(old, &name), of(new, &name)) {
            (Some(_), None) => {}
            (old, Some(new)) if old.as_ref() != Some(&new) => out.push(new),
            _ => out.push(entry.clone()),
        }
    }
    // What is on our list is put there; what somebody took off it since, and was on it before, is not this change's.
    let missing = new.iter().filter(|entry| of(now, &subnet(entry)).is_none() && of(old, &subnet(entry)).is_none());
    out.extend(missing.cloned());
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nat(name: &str, subnets: &[&str]) -> Value {
        let entry = |subnet: &&str| {
            let name = format!("https://www.googleapis.com/compute/v1/projects/p/regions/r/subnetworks/{subnet}");
            json!({"name": name, "sourceIpRangesToNat": ["PRIMARY_IP_RANGE"]})
        };
        json!({"name": name, "subnetworks": subnets.iter().map(entry).collect::<Vec<_>>(), "natIpAllocateOption": "AUTO_ONLY"})
    }

    fn router(nats: &[Value]) -> Value {
        json!({"name": "x", "description": "ours", "nats": nats})
    }

    #[test]
    fn our_change_alone_is_made_in_what_is_there() {
        let team = nat("team", &["t"]);
        let with = |mut nat: Value, field: &str, value: Value| {
            nat[field] = value;
            nat
        };
        let manual = |nat: Value| with(nat, "natIpAllocateOption", json!("MANUAL_ONLY"));
        let timeout = |nat: Value| with(nat, "udpIdleTimeoutSec", json!(60));
        let changed = |why: &str| Merge::Changed(why.to_owned());
        let write = |nats: &[Value]| Merge::Write(nats.to_vec().into());
        let ours = |subnets: &[&str]| nat("egress-nat", subnets);
        // Before and after our change, what is there by now, and what is to be written.
        let cases = [
            (vec![ours(&["a"])], vec![ours(&["a", "b"])], vec![ours(&["a"])], write(&[ours(&["a", "b"])])),
            (
                vec![ours(&["a"])],
                vec![ours(&["a", "b"])],
                vec![team.clone(), ours(&["a", "c"])],
                write(&[team.clone(), ours(&["a", "c", "b"])]),
            ),
            (vec![ours(&["a"])], vec![ours(&["a", "b"])], vec![ours(&["a", "b"])], Merge::Nothing),
            (vec![ours(&["a"])], vec![ours(&["a", "b"])], vec![ours(&[])], write(&[ours(&["b"])])),
            (vec![ours(&["a", "b"])], vec![ours(&["a"])], vec![ours(&["b", "a", "c"])], write(&[ours(&["a", "c"])])),
            (
                vec![ours(&["a"])],
                vec![manual(ours(&["a"]))],
                vec![timeout(ours(&["a", "c"])), team.clone()],
                write(&[timeout(manual(ours(&["a", "c"]))), team.clone()]),
            ),
            (vec![], vec![ours(&["a"])], vec![team.clone()], write(&[team.clone(), ours(&["a"])])),
            (vec![ours(&["a"])], vec![], vec![team.clone(), ours(&["a"])], write(std::slice::from_ref(&team))),
            (
                vec![team.clone(), ours(&["a"])],
                vec![team.clone(), ours(&["a", "b"])],
                vec![ours(&["a"])],
                write(&[ours(&["a", "b"])]),
            ),
            (vec![], vec![ours(&["a"])], vec![ours(&["b"])], changed("it has a NAT egress-nat by now")),
            (vec![ours(&["a"])], vec![], vec![ours(&["a", "b"])], changed("its NAT egress-nat was changed")),
            (vec![ours(&["a"])], vec![ours(&["a", "b"])], vec![], changed("its NAT egress-nat was deleted")),
        ];
        for (before, after, now, expected) in cases {
            assert_eq!(
                nats(&router(&before), &router(&after), &router(&now)),
                expected,
                "{before:?}\n{after:?}\n{now:?}"
            );
        }
        let mut foreign = router(&[ours(&["a"])]);
        foreign["description"] = json!("not ours");
        let result = nats(&router(&[ours(&["a"])]), &router(&[ours(&["a", "b"])]), &foreign);
        assert_eq!(result, changed("its description was changed"));
    }
}
