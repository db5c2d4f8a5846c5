//! What mutations begin with: the tables of entries, each a base and JSON merge patches (RFC 7396) on it.

use std::{fs, path::Path, sync::LazyLock};

use serde_json::Value;

use crate::support::merged;

pub static ENTRIES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/entries");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    let tables = paths.iter().map(|path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap());
    tables.flat_map(|table| cases(&table)).collect()
});

fn cases(table: &Value) -> Vec<Value> {
    table["cases"].as_array().unwrap().iter().map(|case| merged(table["base"].clone(), &case["patch"])).collect()
}

/// The paths of all members, as JSON pointers.
pub fn paths(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut add = |name: &str, member: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        found.extend(paths(member).into_iter().map(|rest| format!("/{name}{rest}")));
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| add(name, member)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| add(&index.to_string(), item)),
        _ => {}
    }
    found
}
