//! Every console block of the pages, run as a reader pastes it: a page's blocks in order, in one shell, in a folder of
//! its own that has what a checkout has, with the built program on the path and gcloud pointed at a simulated Google.
//!
//! A line that begins with `$ ` is a command, with the lines that complete it. Other lines of a block are what it prints,
//! where `…` is any text, and on a line of its own any number of lines.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use egress_reconciler::sim::world::World;
use regex::Regex;
use tempfile::TempDir;

use super::gcloud::{Gcloud, said};

/// What is not run here: how a command begins, and why.
const NOT_RUN: [(&str, &str); 7] = [
    ("bq ", "there is no simulated BigQuery; `reports.rs` runs the query"),
    ("cargo install --path .", "builds the whole program, which is on the path already"),
    ("gcloud auth application-default login", "opens a browser, and asks for a Google account"),
    ("gcloud builds submit ", "there is no simulated Cloud Build"),
    ("gcloud logging sinks create egress-reconciler-events ", "nobody may write to the simulated organization"),
    ("gcloud pubsub topics add-iam-policy-binding egress-reconciler-events ", "binds the writer of that sink"),
    ("terraform ", "needs Google's provider from the registry, and Google"),
];

/// What is run in place of a piece of a command, and why.
const IN_PLACE: [(&str, &str, &str); 7] = [
    ("cargo run --release -- ", "egress-reconciler ", "the same program, built without optimizations"),
    (
        "deploy/gcloud.sh install --project",
        "deploy/gcloud.sh install --image europe-west2-docker.pkg.dev/p/r/i:test --project",
        "there is no simulated Cloud Build",
    ),
    ("egress-reconciler apply ", "egress-reconciler apply --yes ", "no terminal: a reader answers yes"),
    ("egress-reconciler release ", "egress-reconciler release --yes ", "no terminal: a reader answers yes"),
    ("egress-reconciler rearm ", "egress-reconciler rearm --yes ", "no terminal: a reader answers yes"),
    ("egress-reconciler simulate ", "egress-reconciler simulate --listen 127.0.0.1:0 ", "tests run side by side"),
    ("8080", "PORT_OF_THE_TEST", "tests run side by side"),
];

/// Exit statuses that a page tells of: a piece of the command, the statuses, and what they mean.
const STATUSES: [(&str, &[i32], &str); 2] = [
    ("egress-reconciler plan ", &[0, 2], "2: there are changes, or the mode holds them back"),
    ("gcloud run jobs deploy nightly", &[1], "refused: the connector is missing"),
];

/// Commands that run until they are stopped, in a terminal of their own, and what they print when they are ready.
const ENDLESS: [(&str, &str); 2] = [("| tee exports", "export http_proxy="), (" egress-reconciler serve", "listening")];

/// Commands before which a reader waits until the service has done its part: they are repeated until they succeed.
const REPEATED: [&str; 1] = ["gcloud compute firewall-rules update allow-conn-europe-west2-int"];

/// What a reader puts in place of the names in capitals.
const NAMES: [(&str, &str); 9] = [
    // Nothing listens there: Pub/Sub repeats what is not taken.
    ("WEBHOOK_URL", "http://127.0.0.1:9/v1/spaces/S/messages?key=K&token=T"),
    ("HOME_PROJECT", "home-project"),
    ("PROJECT_ID", "demo-project"),
    ("REGION", "europe-west2"),
    ("CONNECTOR", "quiet-one"),
    ("WORKLOAD", "nightly"),
    ("REPORT_ID", "0193d2f4-0000-7000-8000-000000000000"),
    ("VERSION", "1"),
    ("NETWORK", "my-vpc"),
];

/// For so long a command may take.
const LIMIT: Duration = Duration::from_secs(400);

struct Page {
    path: &'static str,
    /// What was done in the project before the page is opened.
    before: &'static [&'static str],
}

/// A connector of others, and a job that uses it.
const A_JOB: [&str; 3] = [
    "gcloud compute networks subnets create quiet-one --network=my-vpc --range=10.10.0.0/28 --region=europe-west2",
    "gcloud compute networks vpc-access connectors create quiet-one --region=europe-west2 --subnet=quiet-one --min-instances=2 --max-instances=3",
    "gcloud run jobs deploy nightly --image=gcr.io/demo-project/image --region=europe-west2 --vpc-connector=quiet-one --vpc-egress=all-traffic",
];

/// It lets the rules of that connector be ours, the deny too.
const A_POLICY: &str = "egress-reconciler policy example | sed 's/mode: report/mode: enforce/; s/enforcement: observe/enforcement: enforce/; s/^firewall:/&\\n  adopt: [quiet-one]/' > policy.yaml";
const AN_INSTALLATION: &str = "deploy/gcloud.sh install --project home-project --region europe-west2 --policy policy.yaml --projects demo-project --image europe-west2-docker.pkg.dev/p/r/i:test";

const PAGES: [Page; 4] = [
    Page { path: "README.md", before: &A_JOB },
    Page { path: "deploy/operations.md", before: &[A_JOB[0], A_JOB[1], A_JOB[2], A_POLICY, AN_INSTALLATION] },
    Page { path: "deploy/terraform/README.md", before: &[A_POLICY] },
    Page { path: "deploy/try.md", before: &[] },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fenced block, without the indentation of the list that it belongs to.
struct Block {
    language: String,
    line: usize,
    text: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some((indent, language)) = line.split_once("```") else { continue };
        if !indent.trim().is_empty() {
            continue;
        }
        let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.trim_start().starts_with("```"));
        let text = inside.map(|line| line.strip_prefix(indent).unwrap_or(line).to_owned()).collect();
        blocks.push(Block { language: language.trim().to_owned(), line: number + 2, text });
    }
    blocks
}

/// A command of a page, and what the page says that it prints.
struct Step {
    at: String,
    command: String,
    expected: Vec<String>,
}

/// Whether a shell would ask for more lines.
fn is_incomplete(command: &str) -> bool {
    let checked = Command::new("bash").args(["-n", "-c", command]).output().unwrap();
    command.ends_with('\\') || !checked.stderr.is_empty()
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks(&read(path)).iter().filter(|block| block.language == "console") {
        let mut lines = block.text.iter().zip(block.line..).peekable();
        let first = lines.peek().map_or("", |(line, _)| line);
        assert!(first.starts_with("$ "), "{path}:{}: begins with no command", block.line);
        while let Some((line, number)) = lines.next() {
            let Some(start) = line.strip_prefix("$ ") else {
                steps.last_mut().unwrap().expected.push(line.clone());
                continue;
            };
            let at = format!("{path}:{number}");
            let mut command = start.to_owned();
            while is_incomplete(&command) {
                let (next, _) = lines.next().unwrap_or_else(|| panic!("{at}: the command does not end: {command}"));
                command = format!("{command}\n{next}");
            }
            steps.push(Step { at, command, expected: Vec::new() });
        }
    }
    steps
}

/// With a reader's names in place of the words in capitals.
fn named(text: &str) -> String {
    let words = NAMES.map(|(word, _)| word).join("|");
    let words = Regex::new(&format!(r"\b({words})\b")).unwrap();
    let name = |found: &regex::Captures<'_>| NAMES.iter().find(|(word, _)| *word == &found[0]).unwrap().1;
    words.replace_all(text, name).into_owned()
}

/// Without what differs from run to run.
fn masked(text: &str) -> String {
    const MASKS: [(&str, &str); 5] = [
        ("\x1b\\[[0-9;]*m", ""),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\d+\.\d s\b", "T s"),
    ];
    let mask = |text: String, (from, to): (&str, &str)| Regex::new(from).unwrap().replace_all(&text, to).into_owned();
    MASKS.into_iter().fold(text.to_owned(), mask)
}

/// Whether a page shows what was printed.
fn is_shown(expected: &[String], printed: &str) -> bool {
    let line = |line: &String| match line.trim() {
        "…" => "(?:.*\n)*?".to_owned(),
        _ => regex::escape(masked(&named(line)).trim_end()).replace('…', ".*") + "[ ]*\n",
    };
    let pattern: String = expected.iter().map(line).collect();
    let printed = masked(printed);
    Regex::new(&format!(r"\A{pattern}\z")).unwrap().is_match(&format!("{}\n", printed.trim_end()))
}

/// A shell in a reader's checkout.
struct Reader {
    gcloud: Gcloud,
    _folder: TempDir,
    notes: TempDir,
    shell: Child,
    count: usize,
    port: u16,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // With all that it started in other terminals: they are a group of their own.
        let _ = Command::new("kill").args(["--", &format!("-{}", self.shell.id())]).status();
        let _ = self.shell.wait();
    }
}

/// A project with a network, and one for the service.
fn world() -> World {
    let mut world = World::with_project("demo-project", "123456789012")
        .project("home-project", "210987654321")
        .network("demo-project", "my-vpc");
    world.regions = ["europe-west1", "europe-west2"].map(str::to_owned).to_vec();
    world
}

impl Reader {
    fn new() -> Self {
        let (folder, notes) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = notes.path().join("world.json");
        fs::write(&file, world().written().to_string()).unwrap();
        let gcloud = Gcloud::with(&["--world", file.to_str().unwrap()]);
        for name in ["Cargo.toml", "cloudbuild.yaml", "deploy"] {
            symlink(root().join(name), folder.path().join(name)).unwrap();
        }
        let programs = notes.path().join("bin");
        fs::create_dir(&programs).unwrap();
        symlink(env!("CARGO_BIN_EXE_egress-reconciler"), programs.join("egress-reconciler")).unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let shell = gcloud
            .command("bash")
            // No block overwrites a file of the reader, and a pipe fails as its parts do.
            .args(["-o", "noclobber", "-o", "pipefail"])
            .current_dir(folder.path())
            .env("PATH", path)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { gcloud, _folder: folder, notes, shell, count: 0, port }
    }

    fn note(&self, ending: &str) -> PathBuf {
        self.notes.path().join(format!("{}.{ending}", self.count))
    }

    fn printed(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.note("output")).unwrap_or_default()).into_owned()
    }

    /// Waits for a sign that a command has come as far as it should.
    fn wait<T>(&self, command: &str, mut sign: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(sign) = sign() {
                return sign;
            }
            assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {command}\n{}", self.printed());
            sleep(Duration::from_millis(20));
        }
    }

    /// Hands a command to the shell; one that does not end, as if in another terminal.
    fn paste(&mut self, command: &str, is_endless: bool) {
        self.count += 1;
        fs::write(self.note("command"), command.to_owned() + "\n").unwrap();
        let [source, output, status] = ["command", "output", "status"].map(|ending| self.note(ending));
        let (source, output, status) = (source.display(), output.display(), status.display());
        let line = match is_endless {
            true => format!(". {source} </dev/null >|{output} 2>&1 &\n"),
            false => {
                format!(". {source} </dev/null >|{output} 2>&1; echo $? >|{status}.new; mv {status}.new {status}\n")
            }
        };
        self.shell.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// Runs a command to its end: its status, and what it printed.
    fn run(&mut self, command: &str) -> (i32, String) {
        self.gcloud.settle();
        self.paste(command, false);
        let status = self.note("status");
        let status = self.wait(command, || fs::read_to_string(&status).ok());
        (status.trim().parse().unwrap(), self.printed())
    }

    /// Runs a step as its page has it.
    fn follow(&mut self, step: &Step) {
        let Step { at, command: written, expected } = step;
        if NOT_RUN.iter().any(|(start, _)| written.starts_with(start)) {
            return;
        }
        let changed = IN_PLACE.iter().fold(written.clone(), |text, (from, to, _)| text.replace(from, to));
        let command = named(&changed.replace("PORT_OF_THE_TEST", &self.port.to_string()));
        if let Some((_, ready)) = ENDLESS.iter().find(|(piece, _)| written.contains(piece)) {
            self.paste(&command, true);
            return self.wait(&command, || self.printed().contains(ready).then_some(()));
        }
        let (mut status, mut printed) = self.run(&command);
        let begun = Instant::now();
        while status != 0 && begun.elapsed() < LIMIT && REPEATED.iter().any(|piece| written.contains(piece)) {
            sleep(Duration::from_secs(1));
            (status, printed) = self.run(&command);
        }
        let accepted =
            STATUSES.iter().find(|(piece, ..)| written.contains(piece)).map_or(&[0][..], |(_, statuses, _)| *statuses);
        assert!(accepted.contains(&status), "{at}: exit status {status} of {command}\n{printed}");
        assert!(
            expected.is_empty() || is_shown(expected, &printed),
            "{at}: {command}\nprints\n{}\nand the page says\n{}",
            masked(&printed),
            expected.join("\n")
        );
    }
}

fn follow(path: &str) {
    let page = PAGES.iter().find(|page| page.path == path).unwrap();
    let mut reader = Reader::new();
    for command in page.before {
        let (status, printed) = reader.run(command);
        assert_eq!(status, 0, "before {path}: {command}\n{printed}");
    }
    for step in steps(path) {
        reader.follow(&step);
    }
}

#[test]
fn the_readme() {
    follow("README.md");
}

#[test]
fn the_operations_guide() {
    follow("deploy/operations.md");
}

#[test]
fn the_page_of_the_terraform_module() {
    follow("deploy/terraform/README.md");
}

#[test]
fn the_page_of_the_trial_install() {
    follow("deploy/try.md");
}

/// Markdown for people: README and all below `deploy`.
fn all_pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    for folder in ["deploy", "deploy/terraform"] {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().file_name());
        let files = files.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".md"));
        pages.extend(files.map(|name| format!("{folder}/{name}")));
    }
    pages
}

#[test]
fn every_console_block_is_followed_and_every_row_is_needed() {
    let mut commands = Vec::new();
    for page in all_pages() {
        let steps = steps(&page);
        let is_followed = PAGES.iter().any(|followed| followed.path == page);
        assert!(steps.is_empty() || is_followed, "{page} has console blocks and is in no test");
        commands.extend(steps.into_iter().map(|step| step.command));
    }
    let starts = NOT_RUN.iter().map(|(start, _)| *start);
    let idle: Vec<_> = starts.filter(|start| !commands.iter().any(|command| command.starts_with(start))).collect();
    assert!(idle.is_empty(), "no page has a command that begins so: {idle:#?}");
    let pieces = IN_PLACE.iter().map(|(from, ..)| *from).chain(STATUSES.iter().map(|(piece, ..)| *piece));
    let pieces = pieces.chain(ENDLESS.iter().map(|(piece, _)| *piece)).chain(REPEATED);
    let idle: Vec<_> = pieces.filter(|piece| !commands.iter().any(|command| command.contains(piece))).collect();
    assert!(idle.is_empty(), "no page has a command with: {idle:#?}");
}

#[test]
fn every_policy_of_a_page_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for page in all_pages() {
        for block in blocks(&read(&page)).iter().filter(|block| block.language == "yaml") {
            let text = named(&block.text.join("\n"));
            if !text.starts_with("version:") {
                continue;
            }
            count += 1;
            let file = folder.path().join(format!("{count}.yaml"));
            fs::write(&file, text).unwrap();
            let mut program = Command::new(env!("CARGO_BIN_EXE_egress-reconciler"));
            let output = program.args(["policy", "check"]).arg(&file).output().unwrap();
            assert!(output.status.success(), "{page}:{}: {}", block.line, said(&output));
        }
    }
    assert!(count > 0);
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)").unwrap();
    let mut broken = Vec::new();
    for page in all_pages() {
        for found in link.captures_iter(&read(&page).replace("](\n", "](")) {
            let path = &found[1];
            if path.contains("://") {
                continue;
            }
            let folder = Path::new(&page).parent().unwrap();
            let target = if path.is_empty() { PathBuf::from(&page) } else { folder.join(path) };
            let text = fs::read_to_string(root().join(&target)).ok();
            let exists = text.is_some() || root().join(&target).is_dir();
            let leads = found.get(2).is_none_or(|wanted| {
                let headings = text.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_once("# "));
                headings.into_iter().any(|(_, heading)| anchor(heading) == wanted.as_str())
            });
            if !exists || !leads {
                broken.push(format!("{page}: {}", &found[0]));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
