//! Where Google's APIs are: at Google, or where gcloud's own variables point.
//!
//! <https://cloud.google.com/sdk/gcloud/reference/topic/configurations> (`api_endpoint_overrides`).

use reqwest::Url;

use crate::google::method;

/// The base URLs of the APIs. Each ends with a slash; compute's includes `compute/v1/`, the others no version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints([Url; APIS.len()]);

/// A variable that holds no usable endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {found:?}: expected {EXPECTED}")]
pub struct EndpointError {
    pub variable: &'static str,
    pub found: String,
}

const EXPECTED: &str =
    "an http:// or https:// URL with a host and no user, query or fragment, such as http://127.0.0.1:9080/";

struct Api {
    variable: &'static str,
    google: &'static str,
    /// What gcloud appends to an override without a path.
    path: &'static str,
    /// Versions that our own paths carry, and that an override may therefore end with.
    versions: &'static [&'static str],
}

const COMPUTE: Api = Api {
    variable: "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE",
    google: "https://compute.googleapis.com/",
    path: "/compute/v1/",
    versions: &[],
};
const VPCACCESS: Api = Api {
    variable: "CLOUDSDK_API_ENDPOINT_OVERRIDES_VPCACCESS",
    google: "https://vpcaccess.googleapis.com/",
    path: "/",
    versions: &["v1/"],
};
const RUN: Api = Api {
    variable: "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN",
    google: "https://run.googleapis.com/",
    path: "/",
    versions: &["v1/", "v2/"],
};

const fn other(variable: &'static str, google: &'static str, versions: &'static [&'static str]) -> Api {
    Api { variable, google, path: "/", versions }
}

/// In the order of [`method::Api`].
const APIS: [Api; 13] = [
    COMPUTE,
    VPCACCESS,
    RUN,
    other("CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE", "https://serviceusage.googleapis.com/", &["v1/"]),
    other(
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER",
        "https://cloudresourcemanager.googleapis.com/",
        &["v1/", "v3/"],
    ),
    other("CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB", "https://pubsub.googleapis.com/", &["v1/"]),
    other("CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING", "https://logging.googleapis.com/", &["v2/"]),
    other("CLOUDSDK_API_ENDPOINT_OVERRIDES_ORGPOLICY", "https://orgpolicy.googleapis.com/", &["v2/"]),
    other(
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_NETWORKCONNECTIVITY",
        "https://networkconnectivity.googleapis.com/",
        &["v1/"],
    ),
    other("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS", "https://cloudfunctions.googleapis.com/", &["v1/"]),
    other("CLOUDSDK_API_ENDPOINT_OVERRIDES_APPENGINE", "https://appengine.googleapis.com/", &["v1/"]),
    other("CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING", "https://monitoring.googleapis.com/", &["v3/"]),
    other("CLOUDSDK_API_ENDPOINT_OVERRIDES_SQL", "https://sqladmin.googleapis.com/", &["v1/"]),
];

impl Endpoints {
    /// Google's own endpoints, but for those that a variable overrides. An empty variable counts as none.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, EndpointError> {
        let endpoint = |api: &Api| {
            let given = lookup(api.variable).filter(|text| !text.is_empty());
            api.base(given.as_deref().unwrap_or(api.google))
        };
        let [
            compute,
            vpcaccess,
            run,
            usage,
            manager,
            pubsub,
            logging,
            policy,
            connectivity,
            functions,
            app_engine,
            monitoring,
            sql,
        ] = &APIS;
        Ok(Self([
            endpoint(compute)?,
            endpoint(vpcaccess)?,
            endpoint(run)?,
            endpoint(usage)?,
            endpoint(manager)?,
            endpoint(pubsub)?,
            endpoint(logging)?,
            endpoint(policy)?,
            endpoint(connectivity)?,
            endpoint(functions)?,
            endpoint(app_engine)?,
            endpoint(monitoring)?,
            endpoint(sql)?,
        ]))
    }

    pub(super) fn of(&self, api: method::Api) -> &Url {
        &self.0[api as usize]
    }

    /// Whether any endpoint is reached without TLS: then no Google credentials may be sent.
    pub fn is_plain_http(&self) -> bool {
        self.0.iter().any(|url| url.scheme() == "http")
    }
}

impl Api {
    fn base(&self, text: &str) -> Result<Url, EndpointError> {
        let mut url = Url::parse(text)
            .ok()
            .filter(is_usable)
            .ok_or_else(|| EndpointError { variable: self.variable, found: without_user(text).to_owned() })?;
        let mut path = url.path().to_owned();
        if !path.ends_with('/') {
            path.push('/');
        }
        if path == "/" {
            path = self.path.to_owned();
        }
        for version in self.versions {
            // Only a whole segment is a version: `/rev1/` is a prefix like any other.
            if let Some(rest) = path.strip_suffix(version).filter(|rest| rest.ends_with('/')) {
                path.truncate(rest.len());
                break;
            }
        }
        url.set_path(&path);
        Ok(url)
    }
}

fn is_usable(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

/// The text without what stands before an `@`, which may be a password.
fn without_user(text: &str) -> &str {
    text.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_forms_gcloud_takes() {
        let cases = [
            (&COMPUTE, "http://h:1/", "http://h:1/compute/v1/"),
            (&COMPUTE, "http://h:1", "http://h:1/compute/v1/"),
            (&COMPUTE, "http://h:1/compute/v1/", "http://h:1/compute/v1/"),
            (&COMPUTE, "http://h:1/compute/v1", "http://h:1/compute/v1/"),
            (&COMPUTE, "https://h/svc/compute/v1/", "https://h/svc/compute/v1/"),
            (&VPCACCESS, "http://h:1", "http://h:1/"),
            (&VPCACCESS, "http://h:1/v1/", "http://h:1/"),
            (&VPCACCESS, "http://h:1/svc/vpcaccess/", "http://h:1/svc/vpcaccess/"),
            (&VPCACCESS, "http://h:1/svc/vpcaccess/v1", "http://h:1/svc/vpcaccess/"),
            (&VPCACCESS, "http://h:1/rev1/", "http://h:1/rev1/"),
            (&RUN, "http://h:1/v2/", "http://h:1/"),
            (&RUN, "http://[::1]:1/v1", "http://[::1]:1/"),
        ];
        for (api, given, expected) in cases {
            assert_eq!(api.base(given).map(String::from).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn refuses_what_is_no_endpoint_and_names_the_variable() {
        for given in ["h:1", "ftp://h/", "http://", "http://h/?a=b", "http://h/#x", "/compute", "127.0.0.1:9080"] {
            let error = RUN.base(given).unwrap_err();
            assert_eq!((error.variable, error.found.as_str()), (RUN.variable, given));
        }
        let error = RUN.base("http://me:hunter2@h/").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn reads_each_variable() {
        let at_google = Endpoints::from_lookup(&|_| None).unwrap();
        assert_eq!(at_google.of(method::Api::Compute).as_str(), "https://compute.googleapis.com/compute/v1/");
        assert_eq!(at_google.of(method::Api::Run).as_str(), "https://run.googleapis.com/");
        assert!(!at_google.is_plain_http());

        let one = Endpoints::from_lookup(&|name| (name == VPCACCESS.variable).then(|| "http://h/".into())).unwrap();
        assert_eq!(one.of(method::Api::VpcAccess).as_str(), "http://h/");
        assert_eq!(one.of(method::Api::Compute), at_google.of(method::Api::Compute));
        assert!(one.is_plain_http());
        assert_eq!(Endpoints::from_lookup(&|_| Some(String::new())), Ok(at_google));
    }
}
