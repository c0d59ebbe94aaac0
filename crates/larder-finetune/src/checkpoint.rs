//! A run on disk: `last.safetensors` to go on from, `best.safetensors` with the best parameters so far.
//!
//! Both are single files, so that each is whole or is not there. Beside parameters under their names the first has the
//! optimizer's moments as `adam.m.<name>` and `adam.v.<name>`; how far the run is stands in the files' metadata, under
//! `larder`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use larder_files::{FileError, write_atomic};
use larder_files::{SealedHeader, metadata_entry, verify_safetensors};
use larder_graphs::TrainedParameter;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::TuneError;
use crate::observer::HistoryRow;
use crate::result::Score;
use crate::scale::LossScale;

/// The file that a run goes on from.
pub const LAST_FILE: &str = "last.safetensors";

/// The parameters that had the best score.
pub const BEST_FILE: &str = "best.safetensors";

const METADATA: &str = "larder";
const FIRST_MOMENT: &str = "adam.m.";
const SECOND_MOMENT: &str = "adam.v.";

/// The progress of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// A digest of examples and settings: a run resumes only from its own checkpoint.
    pub run: String,
    /// Steps that are done.
    pub step: usize,
    /// At most one.
    #[serde(with = "lines")]
    pub best: Vec<Score>,
    /// Evaluations since the best.
    pub stale: usize,
    /// Probes, one after another up to now, that looked like a collapse.
    #[serde(default)]
    pub collapsed: usize,
    #[serde(default)]
    pub scale: LossScale,
    #[serde(with = "lines")]
    pub history: Vec<HistoryRow>,
}

/// Rows of numbers as lines of text: a float that is written as JSON and read again may be another in its last digit.
mod lines {
    use super::Line;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<T: Line, S: Serializer>(rows: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(rows.iter().map(Line::write))
    }

    pub fn deserialize<'de, T: Line, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        let lines = Vec::<String>::deserialize(deserializer)?;
        let row =
            |line: &String| T::read(line).ok_or_else(|| D::Error::custom(format!("{line:?} is no row of numbers")));
        lines.iter().map(row).collect()
    }
}

/// A row of numbers with spaces between.
trait Line: Sized {
    fn write(&self) -> String;
    fn read(line: &str) -> Option<Self>;
}

impl Line for Score {
    fn write(&self) -> String {
        let thresholds: String = self.thresholds.iter().map(|threshold| format!(" {threshold}")).collect();
        format!("{} {}{thresholds}", self.score, self.step)
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (score, step) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let thresholds = words.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { score, step, thresholds })
    }
}

impl Line for HistoryRow {
    fn write(&self) -> String {
        let Self { step, epoch, loss, grad_norm, learning_rate, head_learning_rate, seconds, tokens, score, dev_loss } =
            self;
        let evaluated: String = [score, dev_loss].into_iter().flatten().map(|value| format!(" {value}")).collect();
        format!("{step} {epoch} {tokens} {loss} {grad_norm} {learning_rate} {head_learning_rate} {seconds}{evaluated}")
    }

    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let (counts, floats) = words.split_at_checked(3)?;
        let counts: Vec<usize> = counts.iter().map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let floats: Vec<f64> = floats.iter().map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let (floats, evaluated) = floats.split_at_checked(5)?;
        let ([step, epoch, tokens], [loss, grad_norm, learning_rate, head_learning_rate, seconds]) =
            (counts.try_into().ok()?, floats.try_into().ok()?);
        let (score, dev_loss) = (evaluated.first().copied(), evaluated.get(1).copied());
        Some(Self { step, epoch, loss, grad_norm, learning_rate, head_learning_rate, seconds, tokens, score, dev_loss })
    }
}

/// Tensors with the prefixes of their names: all of the same parameters.
pub(crate) type Sets<'a> = [(&'static str, &'a [Vec<f32>])];

/// The sets of a checkpoint to go on from.
pub(crate) fn all_sets<'a>(
    values: &'a [Vec<f32>],
    m: &'a [Vec<f32>],
    v: &'a [Vec<f32>],
) -> [(&'static str, &'a [Vec<f32>]); 3] {
    [("", values), (FIRST_MOMENT, m), (SECOND_MOMENT, v)]
}

/// Writes a `safetensors` file tensor by tensor: a checkpoint in one piece would take as much memory again as the run.
/// The crate's own writers put the metadata in any order, make the file in place and know no checksum, which stands in
/// the header and is of everything behind it.
///
/// # Errors
/// [`FileError`].
pub(crate) fn write(
    path: &Path,
    parameters: &[TrainedParameter],
    sets: &Sets<'_>,
    progress: &Progress,
) -> Result<(), FileError> {
    let mut header = serde_json::Map::new();
    // Numbers, text and lists of them: JSON can hold it.
    let text = serde_json::to_string(progress).expect("a run's progress can be written as JSON");
    let (key, checksum) = metadata_entry();
    header.insert("__metadata__".to_owned(), serde_json::json!({ METADATA: text, key: checksum }));
    let mut offset = 0_usize;
    for (prefix, tensors) in sets {
        for (parameter, values) in parameters.iter().zip(*tensors) {
            let end = offset + 4 * values.len();
            let entry = serde_json::json!({ "dtype": "F32", "shape": parameter.shape, "data_offsets": [offset, end] });
            header.insert(format!("{prefix}{}", parameter.name), entry);
            offset = end;
        }
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    // The data begins at a multiple of eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let header = [&(header.len() as u64).to_le_bytes()[..], &header].concat();
    write_atomic(path, |writer: &mut dyn Write| {
        // The checksum stands first and is of everything: all numbers are gone through twice.
        let mut sealed = SealedHeader::new(header);
        for values in sets.iter().flat_map(|(_, tensors)| tensors.iter()) {
            write_floats(&mut sealed, values)?;
        }
        writer.write_all(&sealed.finish())?;
        for values in sets.iter().flat_map(|(_, tensors)| tensors.iter()) {
            write_floats(writer, values)?;
        }
        Ok(())
    })
}

fn write_floats(writer: &mut dyn Write, values: &[f32]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(1 << 16);
    for part in values.chunks(1 << 14) {
        bytes.clear();
        bytes.extend(part.iter().flat_map(|value| value.to_le_bytes()));
        writer.write_all(&bytes)?;
    }
    Ok(())
}

/// A checkpoint as read.
pub(crate) struct Checkpoint {
    pub progress: Progress,
    pub values: Vec<Vec<f32>>,
    pub m: Vec<Vec<f32>>,
    pub v: Vec<Vec<f32>>,
}

/// The checkpoint to go on from, if there is one.
///
/// # Errors
/// [`TuneError::Checkpoint`] for a file that is none, [`TuneError::OtherRun`] for one of another run.
pub(crate) fn read_last(
    path: &Path,
    parameters: &[TrainedParameter],
    run: &str,
) -> Result<Option<Checkpoint>, TuneError> {
    let Some((progress, mut sets)) = read(path, parameters, &["", FIRST_MOMENT, SECOND_MOMENT], run)? else {
        return Ok(None);
    };
    let (v, m, values) = (sets.pop(), sets.pop(), sets.pop());
    let (values, m, v) = (values.unwrap_or_default(), m.unwrap_or_default(), v.unwrap_or_default());
    Ok(Some(Checkpoint { progress, values, m, v }))
}

/// The best parameters so far.
///
/// # Errors
/// As for [`read_last`].
pub(crate) fn read_best(
    path: &Path,
    parameters: &[TrainedParameter],
    run: &str,
) -> Result<Option<Vec<Vec<f32>>>, TuneError> {
    Ok(read(path, parameters, &[""], run)?.and_then(|(_, mut sets)| sets.pop()))
}

type CheckpointContents = (Progress, Vec<Vec<Vec<f32>>>);

fn read(
    path: &Path,
    parameters: &[TrainedParameter],
    prefixes: &[&str],
    run: &str,
) -> Result<Option<CheckpointContents>, TuneError> {
    let wrong = |problem: String| TuneError::Checkpoint { path: path.to_path_buf(), problem };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(wrong(problem.to_string())),
    };
    verify_safetensors(&bytes).map_err(wrong)?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|problem| wrong(problem.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA));
    let text = text.ok_or_else(|| wrong(format!("it has no {METADATA:?} in its metadata")))?;
    let progress: Progress = serde_json::from_str(text).map_err(|problem| wrong(problem.to_string()))?;
    if progress.run != run {
        return Err(TuneError::OtherRun { path: path.to_path_buf() });
    }
    let file = SafeTensors::deserialize(&bytes).map_err(|problem| wrong(problem.to_string()))?;
    let tensors: BTreeMap<String, _> = file.iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
    let mut sets = Vec::new();
    for prefix in prefixes {
        let mut set = Vec::new();
        for parameter in parameters {
            let name = format!("{prefix}{}", parameter.name);
            let tensor = tensors.get(&name).ok_or_else(|| wrong(format!("it has no {name:?}")))?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != parameter.shape {
                return Err(wrong(format!("{name:?} is {:?} of {:?}", tensor.dtype(), tensor.shape())));
            }
            set.push(tensor.data().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect());
        }
        sets.push(set);
    }
    Ok(Some((progress, sets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_as_they_were_written() {
        for thresholds in [vec![], vec![0.17], vec![1.0 / 3.0, 0.5]] {
            let score = Score { score: 0.1 + 0.2, step: 7, thresholds };
            assert_eq!(Score::read(&score.write()), Some(score));
        }
        // Checkpoints of earlier versions.
        assert_eq!(Score::read("0.5 12"), Some(Score { score: 0.5, step: 12, thresholds: Vec::new() }));
        assert_eq!(Score::read("0.5 12 x"), None);
    }
}
