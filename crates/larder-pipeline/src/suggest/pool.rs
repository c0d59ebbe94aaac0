//! The rows of a pool: texts, encoded once, or vectors that are there.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use larder_data::{Content, DatasetSpec, OnBadRow};
use larder_errors::count;
use larder_files::{FileError, digest_bytes, digest_file, write_atomic};
use larder_intake::Encoder;
use larder_predict::{Input, InputOrigin};
use larder_run::{Event, Larder, Observer, RunRecord};
use larder_store::{EXAMPLE_ID, FeaturesFile, read_provenance};
use serde::{Deserialize, Serialize};

use super::options::SuggestOptions;
use crate::PipelineError;
use crate::encode::encode_split;
use crate::scale::NamedFeatures;

/// The only split of a pool.
const POOL_SPLIT: &str = "pool";
/// The copy of its texts, beside the description.
const POOL_FILE: &str = "pool.jsonl";

/// A pool, encoded.
pub(super) struct Pool {
    /// Its vectors.
    pub features: FeaturesFile,
    /// The copy of its texts, if it has texts.
    texts: Option<PathBuf>,
}

/// A row of the copy.
#[derive(Serialize, Deserialize)]
struct CopiedRow {
    row: String,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text_b: Option<String>,
}

/// What a pool tells about a row.
#[derive(Default)]
pub(super) struct PoolText {
    /// Its row in the pool's own file, if that has other rows too.
    pub row: Option<usize>,
    pub id: Option<String>,
    pub text: Option<String>,
    pub text_b: Option<String>,
}

impl Pool {
    /// Opens a features file or a manifest of one; of any other file the texts are encoded with the run's settings.
    pub fn open(
        larder: &Larder,
        record: &RunRecord,
        encoder: &Encoder,
        options: &SuggestOptions,
        columns: &[String],
        observer: &mut dyn Observer,
    ) -> Result<Self, PipelineError> {
        let path = NamedFeatures::open(larder, &options.pool, observer)?.path;
        if let Some(features) = features(&path, record, encoder, columns)? {
            return Ok(Self { features, texts: None });
        }
        let spec = copied(larder, record, options, observer)?;
        let encode = record.encode_options(options.device, options.threads);
        let (features, _) = encode_split(larder, &spec, encoder, POOL_SPLIT, &encode, observer)?;
        let texts = Some(spec.path.with_file_name(POOL_FILE));
        Ok(Self { features: FeaturesFile::open(&features)?, texts })
    }

    /// Returns what the pool tells about rows.
    pub fn texts(&self, rows: &[usize]) -> Result<HashMap<usize, PoolText>, PipelineError> {
        let wanted: std::collections::HashSet<usize> = rows.iter().copied().collect();
        let mut found = HashMap::new();
        let Some(path) = &self.texts else {
            let mut row = 0;
            if self
                .features
                .visit_strings(EXAMPLE_ID, |id| {
                    if wanted.contains(&row) {
                        found.insert(row, PoolText { id: id.map(str::to_owned), ..PoolText::default() });
                    }
                    row += 1;
                })
                .is_err()
            {
                // A file that larder did not write may have no ids.
                found.clear();
            }
            return Ok(found);
        };
        let file = std::fs::File::open(path).map_err(FileError::io("read", path))?;
        for (row, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(FileError::io("read", path))?;
            if wanted.contains(&row) {
                let CopiedRow { row: own, text, text_b } =
                    serde_json::from_str(&line).map_err(|source| FileError::Json { path: path.clone(), source })?;
                found.insert(row, PoolText { row: own.parse().ok(), id: None, text: Some(text), text_b });
            }
        }
        Ok(found)
    }
}

/// Opens a file of vectors; `None` for any other.
fn features(
    path: &Path,
    record: &RunRecord,
    encoder: &Encoder,
    columns: &[String],
) -> Result<Option<FeaturesFile>, PipelineError> {
    if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("parquet")) || !path.is_file() {
        return Ok(None);
    }
    let made_by = read_provenance(path)?.and_then(|mut provenance| provenance.parts.remove("encoder.digest"));
    let Some(found) = made_by else {
        let file = FeaturesFile::open(path).ok();
        return Ok(file.filter(|file| columns.iter().all(|name| file.columns().iter().any(|c| c.name == *name))));
    };
    let file = FeaturesFile::open(path)?;
    let expected = &encoder.manifest().digest;
    if found != *expected {
        let (path, run) = (path.to_path_buf(), record.run.clone());
        return Err(PipelineError::OtherEncoder { path, run, found, expected: expected.clone() });
    }
    for name in columns {
        file.width(&[name])?;
    }
    Ok(Some(file))
}

/// Copies the texts of a pool into the home, as a data set of its own. A pool whose bytes and flags are those of an earlier one has its
/// name, and so its vectors.
fn copied(
    larder: &Larder,
    record: &RunRecord,
    options: &SuggestOptions,
    observer: &mut dyn Observer,
) -> Result<DatasetSpec, PipelineError> {
    let mut input = Input::for_run(record, InputOrigin::File(options.pool.clone()), &options.flags)?;
    let read = format!("{:?} {:?} {:?} {}", options.flags, record.layout(), options.on_bad_row, record.is_pair());
    let digest = digest_bytes(format!("{} {read}", digest_file(&options.pool)?).as_bytes());
    let name = format!("pool-{}", &digest[..16]);
    let folder = larder.home().dataset(&name)?;
    let path = folder.join(format!("{name}.toml"));
    let second = if record.is_pair() { "text_b = \"text_b\"\n" } else { "" };
    let text = format!(
        "# A copy of the pool {:?}\nname = \"{name}\"\ntask = \"{}\"\nformat = \"jsonl\"\n\n\
         [columns]\nid = \"row\"\ntext = \"text\"\n{second}\n[splits]\n{POOL_SPLIT} = \"{POOL_FILE}\"\n",
        options.pool,
        record.task()
    );
    // The description is written last: with it, the copy is whole.
    if !path.is_file() {
        std::fs::create_dir_all(&folder).map_err(FileError::io("make the folder", &folder))?;
        let (mut failed, mut bad, mut row) = (None, 0_u64, 0_usize);
        let copy = folder.join(POOL_FILE);
        write_atomic(&copy, |file| {
            let mut file = std::io::BufWriter::new(file);
            while let Some(asked) = input.next() {
                match asked.and_then(|asked| match (asked.content, options.on_bad_row) {
                    (Ok(content), _) => Ok(Some(content)),
                    (Err(_), OnBadRow::Skip) => Ok(None),
                    (Err(problem), OnBadRow::Stop) => Err(input.bad_row(asked.place, problem)),
                }) {
                    Ok(Some(Content::Text { text, text_b })) => {
                        serde_json::to_writer(&mut file, &CopiedRow { row: row.to_string(), text, text_b })?;
                        std::io::Write::write_all(&mut file, b"\n")?;
                    }
                    Ok(_) => bad += 1,
                    Err(error) => {
                        failed = Some(error);
                        return Err(std::io::Error::other("a row cannot be read"));
                    }
                }
                row += 1;
            }
            std::io::Write::flush(&mut file)
        })
        .map_err(|error| failed.take().map_or_else(|| error.into(), PipelineError::from))?;
        if bad > 0 {
            observer.event(Event::Note(&format!("{} rows without a text are left out", count(bad))));
        }
        write_atomic(&path, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    }
    Ok(DatasetSpec::load(&path)?)
}
