//! `repro --live`: the page of the run while it goes on, for the browser of the same machine.
//!
//! Whoever can make the user's browser ask us must learn nothing: requests are answered only if
//! they name us by an address of this machine, nothing is allowed to other origins, and there is
//! nothing to be written. The server ends with the run; who looked on until then is shown its end.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oxhttp::Server;
use oxhttp::model::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use oxhttp::model::{Body, HeaderValue, Method, Request, Response, StatusCode};

use crate::model::{Class, Fault};
use crate::run::job::hold;

/// A page is not made more often than this.
const PAUSE: Duration = Duration::from_millis(500);
/// Who asked within this time looks on.
const LOOKING: Duration = Duration::from_secs(3);
/// How long the end is kept for who looks on.
const LAST: Duration = Duration::from_secs(2);
/// How many may look at once.
const MOST: usize = 32;

/// Makes the page as it is now: the page, and its security policy where it has one of its own.
pub type MakePage = Box<dyn Fn() -> Result<Page, String> + Send + Sync>;

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its text.
    pub html: String,
    /// What it may do, for the header of the answer.
    pub policy: String,
}

/// The server of one run.
pub struct Live {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    make: MakePage,
    /// The last page, and when it was made.
    made: Mutex<Option<(Instant, Result<Page, String>)>>,
    /// When a page was last asked for.
    asked: Mutex<Option<Instant>>,
    /// Whether the run is over.
    over: AtomicBool,
    /// Whether its end was shown.
    shown: AtomicBool,
}

impl Live {
    /// Begins to serve on this port, or on a free one.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(port: Option<u16>, make: MakePage) -> Result<Self, Fault> {
        let taken = |port: u16, error: &std::io::Error| {
            let text = format!("cannot serve the page of the run on port {port} of 127.0.0.1: {error}");
            Fault::new(Class::UsageError, text).with("hint", "`--live` without a number takes a free port.")
        };
        let wanted = port.unwrap_or(0);
        let found = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).and_then(|listener| listener.local_addr());
        let port = found.map_err(|error| taken(wanted, &error))?.port();
        let shared = Arc::new(Shared {
            make,
            made: Mutex::default(),
            asked: Mutex::default(),
            over: AtomicBool::new(false),
            shown: AtomicBool::new(false),
        });
        let answering = Arc::clone(&shared);
        let server = Server::new(move |request| answering.answer(request, port))
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .with_global_timeout(Duration::from_secs(10))
            .with_max_concurrent_connections(MOST);
        server.spawn().map_err(|error| taken(port, &error))?;
        Ok(Self { port, shared })
    }

    /// Where the page is.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The run is over. Who looks on gets to see that.
    pub fn finish(&self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let looks = |asked: Option<Instant>| asked.is_some_and(|asked| asked.elapsed() < LOOKING);
        let began = Instant::now();
        while looks(*hold(&self.shared.asked)) && began.elapsed() < LAST && !self.shared.shown.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Shared {
    fn answer(&self, request: &Request<Body>, port: u16) -> Response<Body> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        // A whole address may name another host than the header does.
        let named = request.uri().authority().map(|authority| authority.as_str());
        if !host.is_some_and(|host| is_ours(host, port)) || named.is_some_and(|named| !is_ours(named, port)) {
            return refusal(StatusCode::FORBIDDEN, "This page is for the machine that it runs on.\n");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, "There is nothing to be written here.\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        if request.uri().path() != "/" {
            return refusal(StatusCode::NOT_FOUND, "There is only one page: /\n");
        }
        *hold(&self.asked) = Some(Instant::now());
        // Asked before the page is made: one that began before the end does not show it.
        let over = self.over.load(Ordering::SeqCst);
        let page = self.page(over);
        match page {
            Ok(page) => {
                let mut answer = plain(StatusCode::OK, "text/html; charset=utf-8", page.html);
                if let Ok(policy) = HeaderValue::from_str(&page.policy) {
                    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
                }
                if over {
                    self.shown.store(true, Ordering::SeqCst);
                }
                answer
            }
            Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("The page cannot be made: {error}\n")),
        }
    }

    /// The page; one that was made a moment ago will do while the run goes on.
    fn page(&self, over: bool) -> Result<Page, String> {
        let mut made = hold(&self.made);
        if let Some((when, page)) = made.as_ref()
            && !over
            && when.elapsed() < PAUSE
        {
            return page.clone();
        }
        let page = (self.make)();
        *made = Some((Instant::now(), page.clone()));
        page
    }
}

/// Whether a request names us as this machine does: a page elsewhere whose name leads here does not.
fn is_ours(host: &str, port: u16) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| host.eq_ignore_ascii_case(&format!("{name}:{port}")))
}

fn refusal(status: StatusCode, text: &str) -> Response<Body> {
    plain(status, "text/plain; charset=utf-8", text.to_owned())
}

fn plain(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn ask(port: u16, head: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn only_this_machine_may_read_and_nobody_write() {
        let page = || Ok(Page { html: "<p>now</p>".to_owned(), policy: "default-src 'none'".to_owned() });
        let live = Live::start(None, Box::new(page)).unwrap();
        let port = live.port;
        let status = |head: String| ask(port, &head).split(' ').nth(1).unwrap().to_owned();
        for host in [format!("127.0.0.1:{port}"), format!("LOCALHOST:{port}"), format!("[::1]:{port}")] {
            assert_eq!(status(format!("GET / HTTP/1.1\r\nHost: {host}")), "200", "{host}");
        }
        for host in ["127.0.0.1".to_owned(), "evil.example".to_owned(), format!("evil.example:{port}"), format!("127.0.0.1:{}", port ^ 1)] {
            assert_eq!(status(format!("GET / HTTP/1.1\r\nHost: {host}")), "403", "{host}");
        }
        for address in ["http://evil.example/".to_owned(), format!("http://evil.example:{port}/")] {
            assert_eq!(status(format!("GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}")), "403", "{address}");
        }
        assert_eq!(status(format!("GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}")), "200");
        assert_eq!(status(format!("POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0")), "405");
        assert_eq!(status(format!("GET /x HTTP/1.1\r\nHost: 127.0.0.1:{port}")), "404");
        let answer = ask(port, &format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://evil.example")).to_lowercase();
        assert!(answer.contains("<p>now</p>") && answer.contains("content-security-policy: default-src 'none'"), "{answer}");
        assert!(!answer.contains("access-control"), "{answer}");
    }

    #[test]
    fn a_port_that_is_taken_is_an_error() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let page = || Err(String::new());
        assert!(Live::start(Some(held.local_addr().unwrap().port()), Box::new(page)).is_err());
    }

    #[test]
    fn who_looks_on_sees_the_end() {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let page = move || {
            let html = if told.load(Ordering::SeqCst) { "the end" } else { "it runs" };
            Ok(Page { html: html.to_owned(), policy: String::new() })
        };
        let live = Live::start(None, Box::new(page)).unwrap();
        let port = live.port;
        let get = move || ask(port, &format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}"));
        assert!(get().ends_with("it runs"));
        over.store(true, Ordering::SeqCst);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                live.finish();
                sender.send(()).ok();
            });
            while !live.shared.over.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            assert!(get().ends_with("the end"));
        });
        assert!(receiver.try_recv().is_ok() && live.shared.shown.load(Ordering::SeqCst));
    }
}
