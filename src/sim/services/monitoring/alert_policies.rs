//! Alert policies of Cloud Monitoring. They are not evaluated.
//! <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{Field, any, choice, flag, map, message, text},
        service::Service,
    },
    store::{
        clock::written,
        kind::{Audited, Draft, Kind, Rules},
    },
};

pub static KIND: Kind = Kind {
    collection: "monitoring.alertPolicies",
    service: Service::Monitoring,
    segment: "alertPolicies",
    regional: false,
    methods: "monitoring.projects.alertPolicies",
    permissions: "monitoring.alertPolicies",
    message: "google.monitoring.v3.AlertPolicy",
    fields: &[FIELDS],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &AlertPolicies,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("displayName"),
    any("documentation"),
    map("userLabels"),
    message(
        "conditions",
        &[
            text("name"),
            text("displayName"),
            any("conditionThreshold"),
            any("conditionAbsent"),
            any("conditionMatchedLog"),
            any("conditionMonitoringQueryLanguage"),
            any("conditionPrometheusQueryLanguage"),
            any("conditionSql"),
        ],
    )
    .repeated(),
    choice("combiner", &["AND", "OR", "AND_WITH_MATCHING_RESOURCE"]),
    flag("enabled"),
    any("validity").output(),
    text("notificationChannels").repeated(),
    any("creationRecord").output(),
    any("mutationRecord").output(),
    any("alertStrategy"),
    choice("severity", &["CRITICAL", "ERROR", "WARNING"]),
];

struct AlertPolicies;

impl Rules for AlertPolicies {
    /// Each condition gets a name below that of the policy.
    fn complete(&self, draft: &Draft<'_>, policy: &mut Map<String, Value>) {
        policy.entry("enabled").or_insert_with(|| true.into());
        let conditions = policy.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten();
        for (i, condition) in conditions.filter_map(Value::as_object_mut).enumerate() {
            let name = || format!("{}/conditions/{}", draft.path, draft.draw.and(&i.to_string()).id());
            condition.entry("name").or_insert_with(|| name().into());
        }
        policy.entry("creationRecord").or_insert_with(|| json!({"mutateTime": written(draft.now)}));
        policy.insert("mutationRecord".to_owned(), json!({"mutateTime": written(draft.now)}));
    }

    fn check(&self, _draft: &Draft<'_>, policy: &Map<String, Value>) -> Result<(), Refusal> {
        for field in ["displayName", "conditions", "combiner"] {
            if !policy.contains_key(field) {
                return Err(Refusal::invalid(format!("Field alert_policy.{field} is required.")));
            }
        }
        Ok(())
    }
}
