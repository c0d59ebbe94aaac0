//! A store of objects, without its asynchronous inside.
//!
//! Small objects that decide something are created once ([`Store::create`]); large files lie under names of their content, so that
//! it does not matter who writes them, or how often.

use std::fs::File;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use larder_files::{AtomicFile, FileError};
use object_store::path::Path as Key;
use object_store::{
    Error, GetOptions, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    local::LocalFileSystem,
};
use tokio::runtime::Runtime;

use crate::store_failure::failure;
use crate::uri::StoreKind;
use crate::{ScaleError, StoreUri};

/// Bytes of a piece of a large file, and of what is put at once. S3 takes 10,000 pieces.
const PIECE_BYTES: usize = 16 << 20;
/// Small objects fetched at once.
const AT_ONCE: usize = 64;
/// Tries of an answer that another writer came first while nothing is there.
const TRIES: u32 = 5;
/// What mends a bucket that is not there.
const CHECK_BUCKET: &str = "check the bucket's name, and AWS_ENDPOINT_URL where it is not one of Amazon's";
/// What is put to learn whether the store heeds conditions.
const PROBES: &str = "probes";

/// A store of objects.
#[derive(Debug)]
pub struct Store {
    uri: StoreUri,
    objects: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

/// The outcome of creating an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It was not there, and is now.
    Created,
    /// Somebody had created it, with this content.
    AlreadyThere(Bytes),
}

/// An object that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written last, by the store's clock.
    pub modified: SystemTime,
}

impl Store {
    /// Opens a store that is there. A folder must exist; nothing is asked of a bucket.
    ///
    /// # Errors
    /// [`ScaleError::NotThere`], [`ScaleError::Denied`]; [`ScaleError::Uri`] for a bucket where this larder was built without.
    pub fn open(uri: &StoreUri) -> Result<Self, ScaleError> {
        let objects: Arc<dyn ObjectStore> = match uri.kind() {
            StoreKind::Folder(folder) if !folder.is_dir() => {
                let way_out = "check the path, and that this machine has it mounted";
                return Err(ScaleError::NotThere { what: "store", uri: uri.to_string(), way_out });
            }
            StoreKind::Folder(folder) => {
                let opened = LocalFileSystem::new_with_prefix(folder).map(|folder| folder.with_fsync(true));
                Arc::new(opened.map_err(|error| failure(uri.to_string(), "open the store", &error))?)
            }
            #[cfg(feature = "buckets")]
            StoreKind::Bucket { service, bucket, prefix } => crate::bucket::open(uri, *service, bucket, prefix)?,
            #[cfg(not(feature = "buckets"))]
            StoreKind::Bucket { service, .. } => return Err(service.not_built(uri)),
        };
        Self::over(uri.clone(), objects)
    }

    /// Opens a store to write a plan into; a folder is made.
    ///
    /// # Errors
    /// As [`Store::open`]; [`ScaleError::File`].
    pub fn open_or_make(uri: &StoreUri) -> Result<Self, ScaleError> {
        if let Some(folder) = uri.folder() {
            std::fs::create_dir_all(folder).map_err(FileError::io("make the folder", folder))?;
        }
        Self::open(uri)
    }

    /// Takes any store of the crate `object_store`; `uri` is its name in messages.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`] when the operating system gives no means to wait for answers.
    pub fn over(uri: StoreUri, objects: Arc<dyn ObjectStore>) -> Result<Self, ScaleError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            let (uri, reason) = (uri.to_string(), error.to_string());
            ScaleError::Unavailable { uri, action: "wait for the store's answers", reason }
        })?;
        Ok(Self { uri, objects, runtime })
    }

    /// The store's name.
    pub fn uri(&self) -> &StoreUri {
        &self.uri
    }

    /// Returns the name of an object.
    pub fn object(&self, key: &str) -> String {
        self.uri.object(key)
    }

    /// Returns the path of an object, where the store is a folder.
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        Some(self.uri.folder()?.join(key))
    }

    /// Creates an object that is not there. The object that is there has exactly the content of one of those who tried; a
    /// repetition of one's own try, whose answer was lost, counts as [`Created::Created`].
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], [`ScaleError::Denied`].
    pub fn create(&self, key: &str, content: &[u8]) -> Result<Created, ScaleError> {
        for attempt in 0..TRIES {
            match self.try_create(key, content) {
                Ok(()) => return Ok(Created::Created),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
                Err(error) => return Err(self.failure(key, "create it", &error)),
            }
            match self.get(key)? {
                Some(found) if found == content => return Ok(Created::Created),
                Some(found) => return Ok(Created::AlreadyThere(found)),
                // S3 answers so while somebody else's try is under way, which may fail.
                None => std::thread::sleep(Duration::from_millis(50 << attempt)),
            }
        }
        let reason = "the store says that it is there, and does not give it".to_owned();
        Err(ScaleError::Unavailable { uri: self.object(key), action: "create it", reason })
    }

    fn try_create(&self, key: &str, content: &[u8]) -> Result<(), Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = PutPayload::from(content.to_vec());
        self.runtime.block_on(self.objects.put_opts(&Key::from(key), payload, options)).map(drop)
    }

    /// Puts a file under a key that names its content, unless it is there. Returns false if it was.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], [`ScaleError::Denied`], [`ScaleError::File`].
    pub fn put_content(&self, key: &str, path: &Path) -> Result<bool, ScaleError> {
        let file = larder_files::open(path).map_err(FileError::io("open", path))?;
        let bytes = file.metadata().map_err(FileError::io("read", path))?.len();
        if self.head(key)?.is_some_and(|found| found.bytes == bytes) {
            return Ok(false);
        }
        let failed = |error: Error| self.failure(key, "put it", &error);
        let location = Key::from(key);
        let next = || -> Result<Bytes, ScaleError> {
            let mut piece = Vec::new();
            (&file).take(PIECE_BYTES as u64).read_to_end(&mut piece).map_err(FileError::io("read", path))?;
            Ok(piece.into())
        };
        let first = next()?;
        if bytes <= PIECE_BYTES as u64 {
            self.runtime.block_on(self.objects.put(&location, first.into())).map_err(failed)?;
            return Ok(true);
        }
        let mut upload = self.runtime.block_on(self.objects.put_multipart(&location)).map_err(failed)?;
        let mut piece = first;
        let sent = loop {
            if piece.is_empty() {
                break self.runtime.block_on(upload.complete()).map(drop).map_err(failed);
            }
            if let Err(error) = self.runtime.block_on(upload.put_part(piece.into())) {
                break Err(failed(error));
            }
            piece = match next() {
                Ok(piece) => piece,
                Err(error) => break Err(error),
            };
        };
        if sent.is_err() {
            // What stays is incomplete, and nobody sees it.
            let _ = self.runtime.block_on(upload.abort());
        }
        sent.map(|()| true)
    }

    /// Reads an object; `None` where there is none.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], [`ScaleError::Denied`].
    pub fn get(&self, key: &str) -> Result<Option<Bytes>, ScaleError> {
        let get = async { self.objects.get(&Key::from(key)).await?.bytes().await };
        self.if_there(key, "read it", self.runtime.block_on(get))
    }

    /// Reads several small objects at once, in the order of the keys; those that are gone are left out.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], [`ScaleError::Denied`].
    pub fn get_all(&self, keys: &[String]) -> Result<Vec<(String, Bytes)>, ScaleError> {
        let get = |key: &String| {
            let (key, objects) = (key.clone(), self.objects.clone());
            async move {
                let read = async { objects.get(&Key::from(key.as_str())).await?.bytes().await };
                let read = read.await;
                (key, read)
            }
        };
        let all = self.runtime.block_on(stream::iter(keys.iter().map(get)).buffered(AT_ONCE).collect::<Vec<_>>());
        let found =
            all.into_iter().map(|(key, read)| Ok(self.if_there(&key, "read it", read)?.map(|read| (key, read))));
        found.filter_map(Result::transpose).collect()
    }

    /// Reads some bytes of an object; `None` where there is none.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], also for bytes that it does not have; [`ScaleError::Denied`].
    pub fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Bytes>, ScaleError> {
        let read = self.runtime.block_on(self.objects.get_range(&Key::from(key), range));
        self.if_there(key, "read it", read)
    }

    /// Copies an object to a local file, atomically; false where there is none.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], [`ScaleError::Denied`], [`ScaleError::File`].
    pub fn fetch(&self, key: &str, target: &Path) -> Result<bool, ScaleError> {
        let got = self.runtime.block_on(self.objects.get_opts(&Key::from(key), GetOptions::default()));
        let Some(got) = self.if_there(key, "read it", got)? else { return Ok(false) };
        let mut file = AtomicFile::create(target)?;
        match got.payload {
            GetResultPayload::File(mut source, _) => copy(&mut source, &mut file, target)?,
            GetResultPayload::Stream(mut chunks) => {
                while let Some(chunk) = self.runtime.block_on(chunks.next()) {
                    let chunk = chunk.map_err(|error| self.failure(key, "read it", &error))?;
                    file.write_all(&chunk).map_err(FileError::io("write", target))?;
                }
            }
        }
        file.commit()?;
        Ok(true)
    }

    /// Returns an object's size and age without reading it; `None` where there is none.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], [`ScaleError::Denied`].
    pub fn head(&self, key: &str) -> Result<Option<Listed>, ScaleError> {
        let head = self.runtime.block_on(self.objects.head(&Key::from(key)));
        Ok(self.if_there(key, "look for it", head)?.map(|meta| listed(&meta)))
    }

    /// Lists the objects whose keys begin with the folder `prefix`, sorted by key.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], [`ScaleError::Denied`].
    pub fn list(&self, prefix: &str) -> Result<Vec<Listed>, ScaleError> {
        let prefix_key = Key::from(prefix);
        let all = self.runtime.block_on(self.objects.list(Some(&prefix_key)).try_collect::<Vec<_>>());
        let mut all: Vec<Listed> =
            all.map_err(|error| self.failure(prefix, "list it", &error))?.iter().map(listed).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(all)
    }

    /// Removes objects; those that are gone do not count.
    ///
    /// # Errors
    /// [`ScaleError::Unavailable`], [`ScaleError::Denied`].
    pub fn delete(&self, keys: &[String]) -> Result<(), ScaleError> {
        let delete = |key: &String| {
            let (key, objects) = (key.clone(), self.objects.clone());
            async move { (key.clone(), objects.delete(&Key::from(key.as_str())).await) }
        };
        let all = self.runtime.block_on(stream::iter(keys.iter().map(delete)).buffered(AT_ONCE).collect::<Vec<_>>());
        for (key, deleted) in all {
            self.if_there(&key, "remove it", deleted)?;
        }
        Ok(())
    }

    /// Checks that the store lets nobody create an object that is there: all that keeps two workers from committing one shard. It
    /// creates an object twice, and removes it.
    ///
    /// # Errors
    /// [`ScaleError::NoConditionalPuts`]; [`ScaleError::Unavailable`], [`ScaleError::Denied`].
    pub fn check_conditional_puts(&self) -> Result<(), ScaleError> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let key = format!("{PROBES}/{}-{since}", std::process::id());
        let first = self.try_create(&key, b"first");
        let second = first.is_ok().then(|| self.try_create(&key, b"second"));
        let removed = self.delete(std::slice::from_ref(&key));
        first.map_err(|error| self.failure(&key, "create it", &error))?;
        match second {
            Some(Err(Error::AlreadyExists { .. } | Error::Precondition { .. })) => removed,
            Some(Err(error)) => Err(self.failure(&key, "create it", &error)),
            Some(Ok(())) | None => Err(ScaleError::NoConditionalPuts { uri: self.uri.to_string() }),
        }
    }

    fn if_there<T>(&self, key: &str, action: &'static str, answer: Result<T, Error>) -> Result<Option<T>, ScaleError> {
        match answer {
            Ok(value) => Ok(Some(value)),
            // A bucket that is not there is no object that is not there.
            Err(Error::NotFound { source, .. }) if is_no_bucket(source.as_ref()) => {
                let way_out = CHECK_BUCKET;
                Err(ScaleError::NotThere { what: "bucket", uri: self.uri.to_string(), way_out })
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failure(key, action, &error)),
        }
    }

    fn failure(&self, key: &str, action: &'static str, error: &Error) -> ScaleError {
        if let Error::NotFound { source, .. } = error
            && is_no_bucket(source.as_ref())
        {
            let way_out = CHECK_BUCKET;
            return ScaleError::NotThere { what: "bucket", uri: self.uri.to_string(), way_out };
        }
        failure(self.object(key), action, error)
    }
}

/// Returns true if the bucket itself is not there. Amazon and Google answer with the one code, Azure with the other.
fn is_no_bucket(answer: &(dyn std::error::Error + Send + Sync)) -> bool {
    let text = answer.to_string();
    ["NoSuchBucket", "ContainerNotFound"].iter().any(|code| text.contains(code))
}

fn copy(source: &mut File, file: &mut AtomicFile, target: &Path) -> Result<(), ScaleError> {
    std::io::copy(source, file).map_err(FileError::io("write", target))?;
    Ok(())
}

fn listed(meta: &ObjectMeta) -> Listed {
    Listed { key: meta.location.to_string(), bytes: meta.size, modified: meta.last_modified.into() }
}
