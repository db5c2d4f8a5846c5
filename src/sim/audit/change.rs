//! A call that changes a resource, in the audit log's terms: the method, the resource and the request.

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{links, permissions::Grant, service::Service},
    http::{call::Call, route::Verb},
    store::kind::Kind,
};

/// A call that changes a resource.
pub struct Change<'a> {
    pub call: &'a Call,
    pub kind: &'static Kind,
    pub path: &'a str,
    pub grants: &'a [Grant],
    /// The body as it was sent.
    pub sent: &'a Map<String, Value>,
}

impl Change<'_> {
    /// `v1.compute.firewalls.insert`, `google.cloud.run.v2.Jobs.CreateJob`.
    pub fn method_name(&self) -> String {
        let (call, noun) = (self.call, self.kind.noun());
        match call.route.service {
            Service::Run if self.is_about_policy() => format!("{}.{noun}s.SetIamPolicy", self.package()),
            Service::Compute => format!("{}.{}", call.route.version, call.method),
            Service::VpcAccess => format!("{}.VpcAccessService.{}{noun}", self.package(), self.rpc()),
            _ => format!("{}.{noun}s.{}{noun}", self.package(), self.rpc()),
        }
    }

    /// The resource's name; Cloud Run v1 uses namespaces.
    pub fn resource_name(&self) -> String {
        if self.call.route.is_knative() { self.namespaced() } else { self.path.to_owned() }
    }

    pub fn namespaced(&self) -> String {
        let segment = self.kind.segment.to_lowercase();
        format!("namespaces/{}/{segment}/{}", self.call.project, links::last(self.path))
    }

    /// Whether the call sets an IAM policy.
    fn is_about_policy(&self) -> bool {
        self.call.route.verb == Verb::Custom("setIamPolicy")
    }

    /// The proto package of the version that was called.
    fn package(&self) -> String {
        let (package, _) = self.kind.message.rsplit_once('.').unwrap_or_default();
        let (api, _) = package.rsplit_once('.').unwrap_or_default();
        format!("{api}.{}", self.call.route.version)
    }

    fn rpc(&self) -> &'static str {
        match self.call.route.verb {
            Verb::Create => "Create",
            Verb::Delete => "Delete",
            Verb::Custom("run") => "Run",
            _ if self.call.route.is_knative() => "Replace",
            _ => "Update",
        }
    }

    pub fn request_type(&self) -> String {
        match self.call.route.service {
            Service::Run if self.is_about_policy() => {
                "type.googleapis.com/google.iam.v1.SetIamPolicyRequest".to_owned()
            }
            Service::Compute => format!("type.googleapis.com/{}", self.call.method),
            // Calls of VPC Access v1beta1 are logged with messages of v1.
            Service::VpcAccess => {
                format!("type.googleapis.com/google.cloud.vpcaccess.v1.{}{}Request", self.rpc(), self.kind.noun())
            }
            _ => format!("type.googleapis.com/{}.{}{}Request", self.package(), self.rpc(), self.kind.noun()),
        }
    }

    /// The request in the log. Compute's deletions have none.
    pub fn request(&self) -> Option<Value> {
        let call = self.call;
        let mut request = match (call.route.service, call.route.verb) {
            (Service::Compute, Verb::Delete) => return None,
            (Service::Compute, _) => logged_body(self.sent),
            (_, Verb::Delete) => json!({"name": self.resource_name()}),
            (Service::Run, _) if self.is_about_policy() => {
                json!({"resource": self.path, "policy": self.sent.get("policy")})
            }
            (_, verb) => self.message(verb),
        };
        if let Some(mask) = call.parameter("updateMask") {
            request["updateMask"] = mask.into();
        }
        if call.parameter("validateOnly") == Some("true") {
            request["validateOnly"] = true.into();
        }
        request["@type"] = self.request_type().into();
        Some(request)
    }

    /// A `Create…Request`, `Update…Request` or `Replace…Request`.
    fn message(&self, verb: Verb) -> Value {
        let call = self.call;
        if verb == Verb::Custom("run") {
            return json!({"name": self.resource_name(), "overrides": call.object().get("overrides")});
        }
        let region = call.region().unwrap_or_default();
        let field = self.kind.member();
        if call.route.is_knative() {
            let (name, value) = match verb {
                Verb::Create => ("parent", format!("namespaces/{}", call.project)),
                _ => ("name", self.path.to_owned()),
            };
            return json!({name: value, "region": region, field: call.body});
        }
        let mut resource = Value::Object(self.sent.clone());
        if verb == Verb::Create {
            let parent = format!("projects/{}/locations/{region}", call.project);
            return json!({"parent": parent, format!("{field}Id"): links::last(self.path), field: resource});
        }
        resource["name"] = self.path.into();
        json!({field: resource})
    }
}

/// Compute logs these lists under other names.
fn logged_body(sent: &Map<String, Value>) -> Value {
    let mut request = strings(&Value::Object(sent.clone()));
    if let Some(fields) = request.as_object_mut() {
        for (wire, logged) in [("allowed", "alloweds"), ("denied", "denieds")] {
            if let Some(rules) = fields.remove(wire) {
                fields.insert(logged.to_owned(), rules);
            }
        }
    }
    request
}

/// Compute logs its numbers as strings.
pub fn strings(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::Array(items) => items.iter().map(strings).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), strings(value))).collect::<Map<_, _>>().into()
        }
        _ => value.clone(),
    }
}
