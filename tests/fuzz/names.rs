//! Google's names: what is accepted is safe in a URL, and is written as it was read.

use egress_reconciler::domain::names::{
    ConnectorName, ConnectorRef, NetworkRef, ProjectId, Region, ResourceName, last_segment, relative,
};
use proptest::{prelude::*, sample::select};

use super::mutation::{cut, cuts};

const GOOD: &[&str] = &[
    "demo-project",
    "example.com:demo-project",
    "123456789012",
    "europe-west2",
    "northamerica-northeast1",
    "conn-a",
    "a234567890123456789012345",
    "vpc-access-allow-x-egress",
    "projects/demo-project/locations/europe-west2/connectors/conn-a",
    "projects/123456789012/locations/europe-west2/connectors/conn-a",
    "projects/host-project/global/networks/shared",
    "https://www.googleapis.com/compute/v1/projects/host-project/global/networks/shared",
];

fn check(text: &str) {
    let names = [
        ProjectId::parse(text).map(String::from),
        Region::parse(text).map(String::from),
        ConnectorName::parse(text).map(String::from),
        ResourceName::parse(text).map(String::from),
    ];
    for name in names {
        match name {
            Ok(name) => {
                assert_eq!(name, text);
                let safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:".contains(&byte);
                assert!(
                    !name.is_empty() && name.len() <= 94 && name.bytes().all(safe) && !name.contains(".."),
                    "{name:?}"
                );
            }
            Err(error) => assert!(error.to_string().len() < 800, "{error}"),
        }
    }
    let (project, region) = (ProjectId::parse("demo-project").unwrap(), Region::parse("europe-west2").unwrap());
    if let Ok(connector) = ConnectorRef::parse(text, &project, &region) {
        let written = connector.to_string();
        assert_eq!(ConnectorRef::parse(&written, &project, &region).as_ref(), Ok(&connector));
        assert_eq!(ConnectorRef::try_from(written), Ok(connector));
    }
    if let Ok(network) = NetworkRef::parse(text, &project) {
        assert_eq!(NetworkRef::try_from(network.to_string()), Ok(network));
    }
    assert!(text.ends_with(relative(text)) && text.ends_with(last_segment(text)));
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn nearly_names(text in "[a-z0-9:./-]{0,70}") {
        check(&text);
    }

    #[test]
    fn damaged_names(good in select(GOOD), cuts in cuts()) {
        check(&String::from_utf8_lossy(&cut(good.as_bytes().to_vec(), &cuts)));
    }
}

#[test]
fn the_corpus_itself() {
    GOOD.iter().for_each(|text| check(text));
}
