//! Compute's URLs and resource paths.

use serde_json::Value;

use super::errors::Refusal;

const BASE: &str = "https://www.googleapis.com/compute/v1/";

/// The full URL of a path that begins with `projects/`.
pub fn full(path: &str) -> String {
    format!("{BASE}{path}")
}

/// The path of a URL from `projects/` on; a path is returned as it is.
pub fn path(link: &str) -> &str {
    link.find("projects/").map_or(link, |start| &link[start..])
}

/// The project of a path.
pub fn project(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// The project in the address of a service account.
pub fn project_of_account(email: &str) -> Option<&str> {
    email.split_once('@')?.1.strip_suffix(".iam.gserviceaccount.com")
}

pub fn last(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

/// The full URL of a link in a request: a URL, or a path from `projects/`, `global/` or `regions/` on.
pub fn expand(link: &str, project: &str, at: &str) -> Result<String, Refusal> {
    if link.starts_with("projects/") {
        Ok(full(link))
    } else if link.starts_with("global/") || link.starts_with("regions/") {
        Ok(full(&format!("projects/{project}/{link}")))
    } else if link.contains("://") {
        // Any host: a client with another endpoint uses that one in links.
        Ok(link.find("/projects/").map_or_else(|| link.to_owned(), |_| full(path(link))))
    } else {
        Err(Refusal::value(at, link, "The URL is malformed."))
    }
}

/// The full URL of a region, which may be given by its name.
pub fn expand_region(link: &str, project: &str, at: &str) -> Result<String, Refusal> {
    if link.is_empty() || link.contains('/') {
        return expand(link, project, at);
    }
    Ok(full(&format!("projects/{project}/regions/{link}")))
}

/// The path of the network that a document belongs to.
pub fn network_of(document: &Value) -> &str {
    path(document["network"].as_str().unwrap_or_default())
}

/// The path of a project's App Engine app.
pub fn app(project: &str) -> String {
    format!("projects/{project}/apps")
}

/// The path of an App Engine document, from its name: `apps/P/services/S`.
pub fn of_app(name: &str) -> Option<String> {
    let rest = name.strip_prefix("apps/")?;
    Some(match rest.split_once('/') {
        Some((project, rest)) => format!("{}/{rest}", app(project)),
        None => app(rest),
    })
}
