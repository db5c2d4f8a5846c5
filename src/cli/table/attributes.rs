//! What a document holds, a line an attribute, under Google's own names.

use serde_json::Value;

/// Each attribute by its path, such as `logConfig.enable`, and what it is. Nothing is left out but what is empty.
pub fn of(document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    flatten(String::new(), document, &mut found);
    found
}

fn flatten(path: String, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(path, member, found);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => match items.iter().map(short).collect::<Option<Vec<_>>>() {
            Some(items) => found.push((path, items.join(", "))),
            None => {
                for (at, item) in items.iter().enumerate() {
                    flatten(format!("{path}[{at}]"), item, found);
                }
            }
        },
        scalar => found.extend(short(scalar).map(|text| (path, text))),
    }
}

/// What fits in one word: a scalar, or a protocol with its ports.
fn short(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Object(members) => {
            let protocol = members.get("IPProtocol")?.as_str()?;
            let ports = members.get("ports").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let ports: Vec<_> = ports.iter().filter_map(Value::as_str).collect();
            Some(if ports.is_empty() { protocol.to_owned() } else { format!("{protocol}:{}", ports.join(",")) })
        }
        Value::Null | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    #[test]
    fn every_attribute_has_a_line() {
        let document = json!({
            "name": "egress",
            "priority": 900,
            "disabled": false,
            "allowed": [{"IPProtocol": "tcp", "ports": ["443", "8000-8080"]}, {"IPProtocol": "icmp"}],
            "destinationRanges": ["10.0.0.0/8", "192.168.0.0/16"],
            "sourceRanges": [],
            "logConfig": {"enable": true},
            "nats": [{"name": "n", "subnetworks": [{"name": "s", "sourceIpRangesToNat": ["PRIMARY_IP_RANGE"]}]}],
        });
        let lines: Vec<_> = of(&document).into_iter().map(|(path, value)| format!("{path}: {value}")).collect();
        let expected = [
            "allowed: tcp:443,8000-8080, icmp",
            "destinationRanges: 10.0.0.0/8, 192.168.0.0/16",
            "disabled: false",
            "logConfig.enable: true",
            "name: egress",
            "nats[0].name: n",
            "nats[0].subnetworks[0].name: s",
            "nats[0].subnetworks[0].sourceIpRangesToNat: PRIMARY_IP_RANGE",
            "priority: 900",
        ];
        assert_eq!(lines, expected);
    }
}
