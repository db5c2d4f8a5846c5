//! The client against a transport that answers from a script.

mod errors;
mod operations;
mod pace;
mod paging;
mod requests;
mod retries;

use std::{
    collections::VecDeque,
    future,
    sync::{Arc, Mutex},
};

use ::http::{HeaderName, HeaderValue, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use crate::google::{
    calls::CallLog,
    client::Client,
    credentials::Credentials,
    endpoints::Endpoints,
    transport::{BoxFuture, Request, Response, SendError, Sent, Transport},
};

/// One line of the script.
enum Answer {
    Comes(Response),
    Fails(Sent),
    Never,
}

/// Answers in order, the last answer again and again, and remembers what was asked.
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Request>>,
}

impl Transport for Script {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        self.asked.lock().unwrap().push(request);
        let mut answers = self.answers.lock().unwrap();
        let last = answers.len() == 1;
        let (answer, again) = match answers.pop_front().expect("a script has at least one answer") {
            Answer::Comes(response) => (Some(Ok(response.clone())), Answer::Comes(response)),
            Answer::Fails(sent) => {
                (Some(Err(SendError { sent, source: "the wire is cut".into() })), Answer::Fails(sent))
            }
            Answer::Never => (None, Answer::Never),
        };
        if last {
            answers.push_back(again);
        }
        match answer {
            Some(answer) => Box::pin(future::ready(answer)),
            None => Box::pin(future::pending()),
        }
    }
}

struct Stage {
    script: Arc<Script>,
    client: Client,
    log: CallLog,
}

fn stage(answers: impl IntoIterator<Item = Answer>) -> Stage {
    let script = Arc::new(Script { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() });
    let log = CallLog::default();
    let endpoints = Endpoints::from_lookup(&|_| None).unwrap();
    let client =
        Client::seeded(script.clone(), endpoints, Credentials::literal("s3cret").unwrap(), 1).with_log(log.clone());
    Stage { script, client, log }
}

impl Stage {
    /// Method and URL of every request, without the scheme.
    fn asked(&self) -> Vec<String> {
        let line = |request: &Request| {
            let url = request.http.uri().to_string();
            format!("{} {}", request.http.method(), url.trim_start_matches("https://"))
        };
        self.script.asked.lock().unwrap().iter().map(line).collect()
    }

    fn attempts(&self) -> usize {
        self.script.asked.lock().unwrap().len()
    }
}

fn response(status: u16, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn with_header(mut response: Response, name: &'static str, value: &'static str) -> Response {
    response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    response
}

fn answer(status: u16, body: Value) -> Answer {
    Answer::Comes(response(status, body.to_string()))
}
