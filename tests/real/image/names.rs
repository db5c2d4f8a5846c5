//! Names and certificates in the image: it has a static glibc, no libraries to load and no `nsswitch.conf`.

use std::{fs, io, net::UdpSocket, path::Path, process::Command, sync::Arc, thread::spawn};

use axum::{Json, Router, routing::post, serve::Listener};
use egress_reconciler::app::simulated::{Cloud, Simulation, Times};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    task::spawn_blocking,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
    server::TlsStream,
};

use super::{CERTIFICATES, POLICY, Root, said};

/// Port 53 is the only one of `resolv.conf`; this address of the loopback network is nobody's.
const RESOLVER: &str = "127.53.53.53";
const CALLER: &str = "egress-reconciler@demo-project.iam.gserviceaccount.com";
/// A policy with a declared connector, in a project that has none: there are changes.
const CHANGES: i32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn google_is_found_by_name_and_proves_who_it_is() {
    let folder = TempDir::new().unwrap();
    certify(folder.path());
    let authority = fs::read_to_string(folder.path().join("ca.pem")).unwrap();
    let google = Google::begin(folder.path()).await;
    resolve();
    let (resolver, hosts) = (format!("nameserver {RESOLVER}\n"), "127.0.0.1 google.test accounts.test\n");
    for found_by in [("/etc/resolv.conf", resolver.as_str()), ("/etc/hosts", hosts)] {
        let before = google.cloud.calls().len();
        let (status, text, error) = google.plan(&[found_by, (CERTIFICATES, &authority)]).await;
        assert_eq!(status, CHANGES, "{found_by:?}: {text}{error}");
        assert!(text.contains("connector conn"), "{found_by:?}: {text}");
        let calls = &google.cloud.calls()[before..];
        assert!(!calls.is_empty() && calls.iter().all(|call| call.caller == CALLER), "{found_by:?}: {calls:?}");
    }
    // Neither a name that nobody knows nor a certificate that nobody trusts leads anywhere.
    let before = google.cloud.calls().len();
    for only in [(CERTIFICATES, authority.as_str()), ("/etc/hosts", hosts)] {
        let (status, text, error) = google.plan(&[only]).await;
        assert!(status == 1 && error.contains("no Google access token"), "{only:?}: {status} {text}{error}");
    }
    assert_eq!(google.cloud.calls().len(), before);
}

/// A simulated Google behind TLS, and who gives out its tokens.
struct Google {
    cloud: Cloud,
    port: u16,
}

impl Google {
    async fn begin(certificates: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let simulation = Simulation {
            has_quotas: false,
            world: None,
            push_to: None,
            publish_to: None,
            service_at: None,
            times: Times::default(),
            seed: None,
        };
        let cloud = simulation.begin().unwrap();
        let token = json!({"access_token": CALLER, "expires_in": 3600, "token_type": "Bearer"});
        let router: Router = cloud.router().route("/token", post(async move || Json(token)));
        let listener = Tls { listener, acceptor: acceptor(certificates) };
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { cloud, port }
    }

    /// `plan` in the image, which knows Google by name only.
    async fn plan(&self, added: &[(&str, &str)]) -> (i32, String, String) {
        let credentials = json!({
            "type": "authorized_user",
            "client_id": "client",
            "client_secret": "secret",
            "refresh_token": "refresh",
            "token_uri": format!("https://accounts.test:{}/token", self.port),
        });
        let files = [("/policy.yaml", POLICY), ("/credentials.json", &credentials.to_string())];
        let root = Root::with(&[&files, added].concat());
        let mut command = root.program(&["plan", "--policy", "/policy.yaml", "--project", "demo-project"]);
        command.env("GOOGLE_APPLICATION_CREDENTIALS", "/credentials.json");
        for (service, path) in [
            ("COMPUTE", "compute/v1"),
            ("VPCACCESS", ""),
            ("RUN", "svc/run"),
            ("SERVICEUSAGE", "svc/serviceusage"),
            ("CLOUDRESOURCEMANAGER", "svc/cloudresourcemanager"),
            ("CLOUDFUNCTIONS", "svc/cloudfunctions"),
            ("APPENGINE", "svc/appengine"),
            ("SQL", "svc/sqladmin"),
        ] {
            let url = format!("https://google.test:{}/{path}", self.port);
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), url);
        }
        spawn_blocking(move || said(&command.output().unwrap())).await.unwrap()
    }
}

/// An authority of our own, and a certificate of the two names that it has signed.
fn certify(folder: &Path) {
    let openssl = |text: &str| {
        let made = Command::new("openssl").args(text.split(' ')).current_dir(folder).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    };
    openssl("req -x509 -newkey rsa:2048 -noenc -days 1 -subj /CN=authority -keyout ca.key -out ca.pem");
    openssl(
        "req -x509 -newkey rsa:2048 -noenc -days 1 -subj /CN=google.test -CA ca.pem -CAkey ca.key \
         -addext subjectAltName=DNS:google.test,DNS:accounts.test -addext basicConstraints=CA:FALSE \
         -keyout server.key -out server.pem",
    );
}

fn acceptor(certificates: &Path) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_file(certificates.join("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificates.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(config.with_single_cert(chain, key).unwrap()).into()
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // Who trusts nobody hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A resolver for as long as the tests run: every name is this machine's.
fn resolve() {
    let socket = UdpSocket::bind((RESOLVER, 53)).unwrap();
    spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let _ = socket.send_to(&answer(&packet[..length]), from);
        }
    });
}

/// 127.0.0.1 for the question's name, and no IPv6 address: <https://www.rfc-editor.org/rfc/rfc1035#section-4>.
fn answer(query: &[u8]) -> Vec<u8> {
    const HEADER: usize = 12;
    let name = query[HEADER..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let asked = HEADER + name..HEADER + name + 4;
    let is_ipv4 = query[asked.start..].starts_with(&[0, 1, 0, 1]);
    let mut answer = query[..asked.end].to_vec();
    // A response without an error, of one question and at most one record.
    answer[2] |= 0x80;
    answer[3] = 0x80;
    answer[4..HEADER].copy_from_slice(&[0, 1, 0, is_ipv4.into(), 0, 0, 0, 0]);
    if is_ipv4 {
        // Its name is the question's; class, type, a minute, four bytes.
        answer.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    answer
}
