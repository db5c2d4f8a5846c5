//! What a case does not say of its world: presets that it is like, and what a document of a collection usually looks like.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Map, Value, json};

use crate::{
    case_file::{Case, lay_over},
    cases::{files, files_ending_in},
};

/// A `== world` section with its presets laid under it, and with whole documents in its collections; `null` = a collection that
/// is taken away.
pub fn world(section: Value) -> Map<String, Value> {
    let usual = read("documents");
    let Value::Object(mut world) = laid(section) else { panic!("a world is a map") };
    for (collection, documents) in world.iter_mut().filter(|(name, _)| name.contains('.')) {
        let own = match documents.take() {
            Value::Object(own) => own,
            Value::Null => continue,
            other => panic!("{collection}: a map from names to fields, not {other}"),
        };
        let usual = usual.get(collection).unwrap_or_else(|| panic!("documents.yaml does not know {collection}"));
        let own = own.into_iter().filter(|(_, fields)| !fields.is_null());
        *documents = own.map(|(name, fields)| document(usual, &name, fields)).collect();
    }
    world
}

fn read(preset: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/presets/{preset}.yaml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The presets under `like`, one over the other, and the rest over them.
fn laid(mut world: Value) -> Value {
    let like = world.as_object_mut().and_then(|world| world.remove("like"));
    let mut out = json!({});
    for preset in like.iter().flat_map(|like| like.as_array().expect("`like` is a list")) {
        let (name, given) = match preset {
            Value::Object(one) if one.len() == 1 => one.iter().next().unwrap(),
            name => (&name.as_str().expect("a preset's name").to_owned(), &Value::Null),
        };
        lay_over(&mut out, laid(with(name, given)));
    }
    lay_over(&mut out, world);
    out
}

/// A preset with the parameters that it is given.
fn with(preset: &str, given: &Value) -> Value {
    let mut body = read(preset);
    let mut parameters = match body.as_object_mut().and_then(|body| body.remove("with")) {
        Some(Value::Object(parameters)) => parameters,
        _ => Map::new(),
    };
    for (name, value) in given.as_object().into_iter().flatten() {
        let parameter = parameters.get_mut(name);
        *parameter.unwrap_or_else(|| panic!("preset {preset} has no parameter {name}")) = value.clone();
    }
    filled(body, &parameters)
}

fn document(usual: &Value, name: &str, fields: Value) -> Value {
    let folder = usual["in"].as_str().unwrap();
    let path = if name.contains('/') { name.to_owned() } else { format!("{folder}/{name}") };
    let (parent, last) = path.rsplit_once('/').unwrap();
    // One name for each, or a case's would not meet a preset's.
    assert!(!name.contains('/') || parent != folder, "{last} is enough of a name for {name}");
    let last = last.to_owned();
    let parameters = Map::from_iter([("name".to_owned(), last.into()), ("path".to_owned(), path.into())]);
    let mut document = filled(usual["document"].clone(), &parameters);
    lay_over(&mut document, fields);
    take_nulls(&mut document);
    document
}

/// With `$name` put in, in keys and in values. A value that is nothing else becomes what the parameter is; the fields of a map
/// that stands where a key does are laid over those beside it.
fn filled(value: Value, parameters: &Map<String, Value>) -> Value {
    let whole = |text: &str| text.strip_prefix('$').and_then(|name| parameters.get(name));
    match value {
        Value::String(text) => whole(&text).cloned().unwrap_or_else(|| put_in(&text, parameters).into()),
        Value::Array(entries) => entries.into_iter().map(|entry| filled(entry, parameters)).collect(),
        Value::Object(map) => {
            let (over, own): (Vec<_>, Vec<_>) =
                map.into_iter().partition(|(key, _)| whole(key).is_some_and(Value::is_object));
            let own = own.into_iter().map(|(key, value)| (put_in(&key, parameters), filled(value, parameters)));
            let mut out = own.collect();
            over.iter().filter_map(|(key, _)| whole(key)).for_each(|fields| lay_over(&mut out, fields.clone()));
            out
        }
        other => other,
    }
}

fn put_in(text: &str, parameters: &Map<String, Value>) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        match parameters.get(name).unwrap_or_else(|| panic!("no parameter {name} for {text}")) {
            Value::String(value) => out += value,
            other => out += &other.to_string(),
        }
        out += rest;
    }
    out
}

fn take_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(take_nulls);
        }
        Value::Array(entries) => entries.iter_mut().for_each(take_nulls),
        _ => {}
    }
}

#[test]
fn a_case_is_laid_over_its_presets() {
    let whole = |section| {
        let world = Value::Object(world(serde_saphyr::from_str(section).unwrap()));
        (world["vpcaccess.connectors"].clone(), world["compute.subnetworks"].clone())
    };
    let subnet = |name: &str, more: Value| {
        let mut subnet = json!({
            "name": name,
            "selfLink": format!("projects/demo-project/regions/europe-west2/subnetworks/{name}"),
            "network": "projects/demo-project/global/networks/my-vpc",
            "region": "projects/demo-project/regions/europe-west2",
        });
        lay_over(&mut subnet, more);
        subnet
    };
    let connector = |name: &str, subnet: Value, state: &str| {
        let name = format!("projects/demo-project/locations/europe-west2/connectors/{name}");
        json!({
            "name": name, "subnet": subnet, "machineType": "e2-micro", "minInstances": 2, "maxInstances": 3, "state": state,
        })
    };
    let theirs = json!({"ipCidrRange": "10.9.0.0/28", "creationTimestamp": "2026-11-01T12:00:00Z"});
    assert_eq!(
        whole("like: [by-hand]"),
        (json!([connector("egress", json!({"name": "by-hand"}), "READY")]), json!([subnet("by-hand", theirs.clone())]))
    );
    // A parameter, a field more, a field less, and a document beside it.
    let section = "
like: [by-hand: {connector: second, subnet: a}]
vpcaccess.connectors: {second: {state: ERROR, subnet: {projectId: host}}}
compute.subnetworks: {a: {creationTimestamp: null}, b: {}}
";
    assert_eq!(
        whole(section),
        (
            json!([connector("second", json!({"name": "a", "projectId": "host"}), "ERROR")]),
            json!([subnet("a", json!({"ipCidrRange": "10.9.0.0/28"})), subnet("b", json!({}))])
        )
    );
    // A map that stands where a key does.
    let Value::Object(more) = json!({"more": {"a": null, "b": [1]}}) else { unreachable!() };
    assert_eq!(filled(json!([{"a": 2, "$more": {}}]), &more), json!([{"a": null, "b": [1]}]));
    // A document less, and a collection.
    let section = "like: [by-hand]\nvpcaccess.connectors: {egress: null}\ncompute.subnetworks: null";
    assert_eq!(whole(section), (json!([]), Value::Null));
}

#[test]
fn every_preset_is_used() {
    let cases = files().into_iter().map(|path| Case::read(&path).yaml("world"));
    let presets = files_ending_in("yaml").into_iter().map(|path| read(path.file_stem().unwrap().to_str().unwrap()));
    let mut used = BTreeSet::from(["documents".to_owned()]);
    for world in cases.chain(presets) {
        for preset in world["like"].as_array().into_iter().flatten() {
            used.extend(preset.as_str().map(str::to_owned));
            used.extend(preset.as_object().into_iter().flat_map(|map| map.keys().cloned()));
        }
    }
    for path in files_ending_in("yaml") {
        assert!(used.contains(path.file_stem().unwrap().to_str().unwrap()), "{}", path.display());
    }
}
