//! Who gives an order, as well as this machine knows. The audit log knows it for certain.

use std::path::{Path, PathBuf};

/// gcloud's account (<https://cloud.google.com/sdk/docs/configurations>), else the name by which the person logged in.
pub fn of_machine(variable: &dyn Fn(&str) -> Option<String>, read: &dyn Fn(&Path) -> Option<String>) -> String {
    let account = variable("CLOUDSDK_CORE_ACCOUNT").or_else(|| gcloud_account(variable, read));
    let login = || ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(variable);
    account.or_else(login).unwrap_or_else(|| "unknown".to_owned())
}

fn gcloud_account(variable: &dyn Fn(&str) -> Option<String>, read: &dyn Fn(&Path) -> Option<String>) -> Option<String> {
    let folder = variable("CLOUDSDK_CONFIG").map(PathBuf::from).or_else(|| {
        let home = variable("HOME").map(|home| Path::new(&home).join(".config"));
        Some(variable("APPDATA").map(PathBuf::from).or(home)?.join("gcloud"))
    })?;
    let active = variable("CLOUDSDK_ACTIVE_CONFIG_NAME").or_else(|| read(&folder.join("active_config")));
    let active = active.map_or_else(|| "default".to_owned(), |name| name.trim().to_owned());
    account(&read(&folder.join("configurations").join(format!("config_{active}")))?)
}

/// `account` of the section `core`.
fn account(configuration: &str) -> Option<String> {
    let mut in_core = false;
    for line in configuration.lines().map(str::trim) {
        if line.starts_with('[') {
            in_core = line == "[core]";
        } else if in_core && let Some((key, value)) = line.split_once('=') {
            let value = value.trim();
            if key.trim() == "account" && !value.is_empty() {
                return Some(value.to_owned());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_can_be_known() {
        let files = [
            ("/home/a/.config/gcloud/active_config", "work\n"),
            (
                "/home/a/.config/gcloud/configurations/config_work",
                "[compute]\naccount = x\n[core]\nproject = p\naccount = alice@example.com\n",
            ),
            ("/etc/g/configurations/config_default", "[core]\naccount=bob@example.com\n"),
            ("/etc/g/configurations/config_empty", "[core]\naccount =\n"),
        ];
        let read =
            |path: &Path| files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned());
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("HOME", "/home/a"), ("USER", "a")], "alice@example.com"),
            (&[("HOME", "/home/a"), ("CLOUDSDK_CONFIG", "/etc/g")], "bob@example.com"),
            (&[("HOME", "/home/a"), ("CLOUDSDK_CORE_ACCOUNT", "carol@example.com")], "carol@example.com"),
            (&[("CLOUDSDK_CONFIG", "/etc/g"), ("CLOUDSDK_ACTIVE_CONFIG_NAME", "empty"), ("USER", "dave")], "dave"),
            (&[("HOME", "/home/b"), ("LOGNAME", "erin")], "erin"),
            (&[], "unknown"),
        ];
        for (variables, expected) in cases {
            let variable =
                |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(of_machine(&variable, &read), *expected, "{variables:?}");
        }
    }
}
