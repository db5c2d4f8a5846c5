//! What two documents have in common beyond their values: field names and types.

use serde_json::Value;

/// The fields that one of the two has and the other has not, and those of another type.
pub fn differences(recorded: &Value, simulated: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", recorded, simulated, &mut found);
    found.sort();
    found.dedup();
    found
}

fn compare(at: &str, recorded: &Value, simulated: &Value, found: &mut Vec<String>) {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match (recorded, simulated) {
        (Value::Object(recorded), Value::Object(simulated)) => {
            for (name, value) in recorded {
                match simulated.get(name) {
                    Some(other) => compare(&below(name), value, other, found),
                    None => found.push(format!("lacks {}", below(name))),
                }
            }
            let more = simulated.keys().filter(|name| !recorded.contains_key(*name));
            found.extend(more.map(|name| format!("has {}", below(name))));
        }
        (Value::Array(recorded), Value::Array(simulated)) => {
            for (one, other) in recorded.iter().zip(simulated) {
                compare(&format!("{at}[]"), one, other, found);
            }
        }
        _ if std::mem::discriminant(recorded) == std::mem::discriminant(simulated) => {}
        _ => found.push(format!("type of {at}")),
    }
}
