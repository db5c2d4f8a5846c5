//! The image as it is shipped: its root, read-only, with no folder beyond its own, as nobody.
//!
//! `.ci/image FOLDER` builds it, and `IMAGE_ROOT` names that folder.

use std::{
    collections::BTreeMap,
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::time::sleep;

mod names;

const PROGRAM: &str = "/usr/local/bin/egress-reconciler";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// What an image may take up.
const LARGEST: u64 = 20 << 20;
/// Far above what a start or an end takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// In a mount namespace of its own: the root becomes read-only, and the program nobody. It keeps the process id.
const ENTER: &str = r#"root=$1; shift
mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" && mount --bind /dev "$root/dev" &&
exec chroot --userspec=65532:65532 "$root" "$@""#;
const POLICY: &str = "\
version: 1
owner: team
mode: report
scope: {projects: [demo-project], regions: [europe-west2]}
network: {name: my-vpc}
connector: {subnet_pools: [10.8.0.0/20], declared: [{region: europe-west2, name: conn}]}
";

fn image() -> PathBuf {
    env::var_os("IMAGE_ROOT").expect("IMAGE_ROOT names what `.ci/image FOLDER` has built").into()
}

/// The image's root, with what a platform adds to it.
struct Root(TempDir);

impl Root {
    /// `added` are files by their paths; what follows a file of the image is appended to it.
    fn with(added: &[(&str, &str)]) -> Self {
        let root = Self(TempDir::new().unwrap());
        let copied = Command::new("cp").arg("--archive").arg(image()).arg(root.path()).status().unwrap();
        assert!(copied.success());
        // Every platform has one; without getrandom(2) in a static glibc, randomness is read from it.
        fs::create_dir(root.path().join("dev")).unwrap();
        for (path, text) in added {
            let path = root.path().join(path.trim_start_matches('/'));
            let before = fs::read_to_string(&path).unwrap_or_default();
            fs::write(path, before + text).unwrap();
        }
        root
    }

    fn path(&self) -> PathBuf {
        // Its parent is for us alone.
        self.0.path().join("root")
    }

    /// The entry point, with the variables of the Dockerfile only.
    fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", ENTER, "sh"]).arg(self.path()).arg(PROGRAM).args(args);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("SSL_CERT_FILE", CERTIFICATES);
        command
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Sizes of the files below a folder, by path.
fn files(root: &Path) -> BTreeMap<PathBuf, u64> {
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap());
    entries
        .flat_map(|entry| match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path()),
            false => BTreeMap::from([(entry.path(), entry.metadata().unwrap().len())]),
        })
        .collect()
}

#[test]
fn holds_the_program_and_certificates_and_is_small() {
    let root = image();
    let found = files(&root);
    let paths: Vec<_> = found.keys().map(|path| format!("/{}", path.strip_prefix(&root).unwrap().display())).collect();
    assert_eq!(paths, [CERTIFICATES, PROGRAM]);
    assert!(found.values().sum::<u64>() <= LARGEST, "{found:?}");
}

#[test]
fn demo() {
    let root = Root::with(&[]);
    let (status, text, error) = said(&root.program(&["demo"]).output().unwrap());
    assert_eq!((status, error.as_str()), (0, ""), "{text}");
    assert!(text.contains("Every scene ended as it should"), "{text}");
    assert!(text.contains("The policy could not be written to a file (/tmp/"), "{text}");
}

#[tokio::test]
async fn serve() {
    let root = Root::with(&[("/policy.yaml", POLICY)]);
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut command = root.program(&["serve", "--auth", "off", "--policy", "/policy.yaml"]);
    command.args(["--listen", &address.to_string()]).stdout(Stdio::null()).stderr(Stdio::piped());
    let server = command.spawn().unwrap();
    let answers = answers(address).await;
    let ended = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    let (status, _, log) = said(&ended_in_time(server).await);
    assert!(ended.success() && status == 0 && answers == ["alive", "ready"], "{status} {answers:?}\n{log}");
}

/// What the health endpoints say once the service answers.
async fn answers(address: SocketAddr) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str| http.get(format!("http://{address}/{path}")).send().await;
    let begun = Instant::now();
    while ask("livez").await.is_err() && begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(20)).await;
    }
    let mut answers = Vec::new();
    for path in ["livez", "readyz"] {
        let Ok(answer) = ask(path).await else { break };
        let said: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        answers.push(said["status"].as_str().unwrap_or_default().to_owned());
    }
    answers
}

/// Kills what has not ended in time.
async fn ended_in_time(mut process: Child) -> Output {
    let begun = Instant::now();
    while process.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(20)).await;
    }
    let _ = process.kill();
    process.wait_with_output().unwrap()
}
