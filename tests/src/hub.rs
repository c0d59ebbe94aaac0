//! A hub of models on this machine, with the faults that a network has.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::json;

/// Files from here on lie on another address, which the hub sends its callers to.
const LARGE: usize = 4096;

/// Plays a hub: `/api/models/MODEL/revision/REVISION`, `/MODEL/resolve/REVISION/FILE` and what that redirects to.
#[derive(Debug)]
pub struct FakeHub {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By `ORG/MODEL`.
    models: BTreeMap<String, Model>,
    /// Of each file's coming transfers, how many bytes are sent before the connection is cut.
    cuts: BTreeMap<String, VecDeque<usize>>,
    /// Files that arrive with a wrong byte.
    spoiled: Vec<String>,
    /// Is every request answered with a page?
    page: bool,
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Model {
    /// Commits by branch and tag.
    revisions: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<u8>>,
    access: Access,
}

/// Who may see a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Whoever has this token; to others it might not exist.
    Private(String),
    /// Whoever has this token of an account that accepted the terms; others see that it is there.
    Gated(String),
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path, without its query.
    pub path: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The token sent.
    pub token: Option<String>,
}

impl FakeHub {
    /// A hub without models, until the process ends.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, base) = (state.clone(), address.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, base) = (shared.clone(), base.clone());
                // A caller that went away is no concern of the others.
                std::thread::spawn(move || drop(serve(stream, &shared, &base)));
            }
        });
        Self { address, state }
    }

    /// What `HF_ENDPOINT` is to be.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Publishes a folder's files under a name, on the branch `main` and under the tag `v1`; gives the commit.
    ///
    /// # Panics
    /// When a file cannot be read.
    pub fn publish(&self, model: &str, folder: &Path) -> String {
        let mut files = BTreeMap::new();
        collect(folder, folder, &mut files);
        let mut all = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        files.iter().for_each(|(name, content)| {
            all.update(name.as_bytes());
            all.update(content);
        });
        let commit = hex(all.finish().as_ref());
        let revisions = ["main", "v1", &commit].map(|name| (name.to_owned(), commit.clone())).into();
        self.state().models.insert(model.to_owned(), Model { revisions, files, access: Access::Open });
        commit
    }

    /// Says who may see a model.
    ///
    /// # Panics
    /// When there is no such model.
    pub fn restrict(&self, model: &str, access: Access) {
        self.state().models.get_mut(model).expect("was published").access = access;
    }

    /// Cuts the connection in the coming transfers of a file, in each after that many bytes.
    pub fn cut(&self, file: &str, after: &[usize]) {
        self.state().cuts.insert(file.to_owned(), after.iter().copied().collect());
    }

    /// Sends a file with a wrong byte from now on.
    pub fn spoil(&self, file: &str) {
        self.state().spoiled.push(file.to_owned());
    }

    /// Answers everything with a page from now on, as a proxy's log-in does.
    pub fn be_a_page(&self) {
        self.state().page = true;
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no request panics")
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("lies in it");
            let name: Vec<String> = name.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            files.insert(name.join("/"), std::fs::read(&path).expect("a file"));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sha256(content: &[u8]) -> String {
    hex(digest(&SHA256, content).as_ref())
}

fn git(content: &[u8]) -> String {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(format!("blob {}\0", content.len()).as_bytes());
    context.update(content);
    hex(context.finish().as_ref())
}

/// A response, before it is written.
struct Reply {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Bytes of the body that are sent.
    sent: usize,
}

impl Reply {
    fn new(status: &'static str, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Self {
        Self { status, headers, sent: body.len(), body }
    }

    fn error(status: &'static str, code: &str) -> Self {
        let headers = if code.is_empty() { Vec::new() } else { vec![("X-Error-Code", code.to_owned())] };
        Self::new(status, headers, b"{}".to_vec())
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>, base: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut range, mut token) = (None, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            match name.to_ascii_lowercase().as_str() {
                "range" => range = Some(value.trim().to_owned()),
                "authorization" => token = value.trim().strip_prefix("Bearer ").map(str::to_owned),
                _ => {}
            }
        }
    }
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let asked = Asked { path, range, token };
    let reply = {
        let mut state = state.lock().expect("no request panics");
        state.asked.push(asked.clone());
        answer(&mut state, &asked, base)
    };
    let mut stream = stream;
    let mut head =
        format!("HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(&reply.body[..reply.sent.min(reply.body.len())])?;
    stream.flush()?;
    stream.shutdown(Shutdown::Write)?;
    // Until the caller closes too: a connection closed before that may be reset, and what was sent lost.
    reader.read_to_end(&mut Vec::new()).map(drop)
}

fn answer(state: &mut State, asked: &Asked, base: &str) -> Reply {
    if state.page {
        return Reply::new("200 OK", vec![("Content-Type", "text/html".to_owned())], b"<html>Log in</html>".to_vec());
    }
    if let Some(content) = asked.path.strip_prefix("/content/") {
        let found = state.models.values().flat_map(|model| &model.files).find(|(_, bytes)| sha256(bytes) == content);
        let Some((name, bytes)) = found.map(|(name, bytes)| (name.clone(), bytes.clone())) else {
            return Reply::error("404 Not Found", "");
        };
        return part(state, &name, bytes, asked, Vec::new());
    }
    let named = |path: &str, separator: &str| -> Option<(String, String)> {
        path.split_once(separator).map(|(model, rest)| (model.trim_start_matches('/').to_owned(), rest.to_owned()))
    };
    let api = asked.path.strip_prefix("/api/models/").and_then(|path| named(path, "/revision/"));
    let file = named(&asked.path, "/resolve/");
    let Some((name, rest)) = api.clone().or(file) else { return Reply::error("404 Not Found", "") };
    let Some(model) = state.models.get(&name) else {
        return match asked.token {
            Some(_) => Reply::error("404 Not Found", "RepoNotFound"),
            None => Reply::error("401 Unauthorized", "RepoNotFound"),
        };
    };
    let may = |token: &String| asked.token.as_ref() == Some(token);
    match &model.access {
        Access::Private(token) if !may(token) => return Reply::error("401 Unauthorized", "RepoNotFound"),
        // What there is of a gated model everybody may see; its files not.
        Access::Gated(token) if !may(token) && api.is_none() => return Reply::error("403 Forbidden", "GatedRepo"),
        _ => {}
    }
    let (revision, file) = match &api {
        Some(_) => (rest.as_str(), None),
        None => rest.split_once('/').map_or((rest.as_str(), None), |(revision, file)| (revision, Some(file))),
    };
    let Some(commit) = model.revisions.get(revision).cloned() else {
        return Reply::error("404 Not Found", "RevisionNotFound");
    };
    let Some(file) = file else {
        let siblings = model.files.iter().map(|(name, content)| match content.len() < LARGE {
            true => json!({ "rfilename": name, "size": content.len(), "blobId": git(content) }),
            false => json!({ "rfilename": name, "size": content.len(), "blobId": git(b"a pointer"),
                "lfs": { "sha256": sha256(content), "size": content.len(), "pointerSize": 134 } }),
        });
        let listing = json!({ "id": name, "sha": commit, "siblings": siblings.collect::<Vec<_>>() });
        return Reply::new("200 OK", vec![("Content-Type", "application/json".to_owned())], listing.to_string().into());
    };
    let Some(content) = model.files.get(file).cloned() else { return Reply::error("404 Not Found", "EntryNotFound") };
    if content.len() < LARGE {
        let headers = vec![("ETag", format!("\"{}\"", git(&content))), ("X-Repo-Commit", commit)];
        return part(state, file, content, asked, headers);
    }
    let headers = vec![
        ("X-Linked-ETag", format!("\"{}\"", sha256(&content))),
        ("X-Linked-Size", content.len().to_string()),
        ("X-Repo-Commit", commit),
        ("Location", format!("{base}/content/{}", sha256(&content))),
    ];
    Reply::new("302 Found", headers, Vec::new())
}

/// The bytes asked for, with the faults that are due.
fn part(
    state: &mut State,
    name: &str,
    mut content: Vec<u8>,
    asked: &Asked,
    mut headers: Vec<(&'static str, String)>,
) -> Reply {
    if state.spoiled.iter().any(|spoiled| spoiled == name) {
        let middle = content.len() / 2;
        content[middle] ^= 1;
    }
    let size = content.len();
    let bounds = asked.range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((first, last)) = bounds else { return Reply::new("200 OK", headers, content) };
    let first: usize = first.parse().unwrap_or(0);
    let end = last.parse().map_or(size, |last: usize| size.min(last + 1));
    if first >= size {
        headers.push(("Content-Range", format!("bytes */{size}")));
        return Reply::new("416 Range Not Satisfiable", headers, Vec::new());
    }
    headers.push(("Content-Range", format!("bytes {first}-{}/{size}", end - 1)));
    let mut reply = Reply::new("206 Partial Content", headers, content[first..end].to_vec());
    // Asking for one byte is how callers learn the size.
    let cut = if last.is_empty() { state.cuts.get_mut(name).and_then(VecDeque::pop_front) } else { None };
    reply.sent = cut.unwrap_or(reply.sent);
    reply
}
