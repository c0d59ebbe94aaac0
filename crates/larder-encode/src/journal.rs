//! The finished batches of a part that is not finished yet: what a killed encode goes on from.
//!
//! A part's batches are planned as a whole, from its rows' lengths alone, and each gives the same vectors whenever it is run.
//! So they can be kept one by one, and the part comes out the same wherever the encode was killed. They are appended to
//! `<part>.batches` beside the parts every two seconds, which is the work that a kill costs; a part that is done sooner
//! has no such file, so that a fast device does not write its vectors twice.
//!
//! A record is: the batch's number (8 bytes, little-endian), how many numbers follow (8), a checksum (32), the numbers
//! (float32). The checksum is over all of that, the rows of the batch and the part's inputs: which of its rows are run depends on
//! what other files have by now. Reading ends at the first record that is not
//! as it was written, which is what a kill in the middle of one leaves.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use larder_files::{FileError, kill_point};

use crate::plan::Batch;

/// The longest time that finished batches are in memory alone.
const SAVE_EVERY: Duration = Duration::from_secs(2);
/// Bytes of a record in front of its numbers.
const HEADER: usize = 48;

/// Keeps the finished batches of one part.
pub(crate) struct Journal {
    path: PathBuf,
    /// A digest of the part's inputs that are run.
    inputs: [u8; 32],
    /// Bytes of the file that are whole records.
    length: u64,
    /// Finished batches that are not in the file.
    unsaved: Vec<usize>,
    saved_at: Instant,
}

impl Journal {
    /// Returns the path of the journal of a part's batches.
    pub(crate) fn path_of(part: &Path) -> PathBuf {
        part.with_extension("batches")
    }

    /// Gives `each` every batch of a part with these `inputs` (a digest) that an earlier process saved, once: its number and its
    /// numbers, of which `count` tells how many there must be.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub(crate) fn open(
        part: &Path,
        inputs: [u8; 32],
        batches: &[Batch],
        count: impl Fn(&Batch) -> usize,
        mut each: impl FnMut(usize, &[f32]),
    ) -> Result<Self, FileError> {
        let path = Self::path_of(part);
        let mut journal = Self { path, inputs, length: 0, unsaved: Vec::new(), saved_at: Instant::now() };
        let file = match File::open(&journal.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(journal),
            file => file.map_err(FileError::io("open", &journal.path))?,
        };
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut seen = vec![false; batches.len()];
        let mut header = [0; HEADER];
        let mut bytes = Vec::new();
        let mut numbers: Vec<f32> = Vec::new();
        while reader.read_exact(&mut header).is_ok() {
            let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
            let index = usize::try_from(number(0)).unwrap_or(usize::MAX);
            let Some(batch) = batches.get(index).filter(|batch| number(8) == count(batch) as u64) else { break };
            bytes.resize(4 * count(batch), 0);
            if reader.read_exact(&mut bytes).is_err() || header[16..] != checksum(inputs, index, batch, &bytes) {
                break;
            }
            numbers.clear();
            numbers.extend(bytes.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)));
            if !std::mem::replace(&mut seen[index], true) {
                each(index, &numbers);
            }
            journal.length += (HEADER + bytes.len()) as u64;
        }
        Ok(journal)
    }

    /// Takes note of a finished batch, and saves it with those before it if it is time; `numbers_of` gives a batch's.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub(crate) fn finished(
        &mut self,
        index: usize,
        batches: &[Batch],
        numbers_of: impl FnMut(usize, &mut Vec<f32>),
    ) -> Result<(), FileError> {
        self.unsaved.push(index);
        if self.saved_at.elapsed() < SAVE_EVERY {
            return Ok(());
        }
        self.save(batches, numbers_of).map_err(FileError::io("write", &self.path))?;
        kill_point("batches-saved");
        self.saved_at = Instant::now();
        Ok(())
    }

    /// Saves all finished batches now.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub(crate) fn save_all(
        &mut self,
        batches: &[Batch],
        numbers_of: impl FnMut(usize, &mut Vec<f32>),
    ) -> Result<(), FileError> {
        self.save(batches, numbers_of).map_err(FileError::io("write", &self.path))
    }

    /// Removes what was kept of a part that is written.
    pub(crate) fn remove(part: &Path) {
        // What cannot be removed goes with the folder of the parts.
        let _ = std::fs::remove_file(Self::path_of(part));
    }

    fn save(&mut self, batches: &[Batch], mut numbers_of: impl FnMut(usize, &mut Vec<f32>)) -> std::io::Result<()> {
        let mut file = File::options().create(true).truncate(false).write(true).open(&self.path)?;
        // What a kill left half written is written over.
        file.set_len(self.length)?;
        file.seek(SeekFrom::Start(self.length))?;
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        let (mut numbers, mut bytes) = (Vec::new(), Vec::new());
        let mut length = self.length;
        for index in self.unsaved.drain(..) {
            numbers.clear();
            numbers_of(index, &mut numbers);
            bytes.clear();
            bytes.extend(numbers.iter().flat_map(|number: &f32| number.to_le_bytes()));
            writer.write_all(&(index as u64).to_le_bytes())?;
            writer.write_all(&(numbers.len() as u64).to_le_bytes())?;
            writer.write_all(&checksum(self.inputs, index, &batches[index], &bytes))?;
            writer.write_all(&bytes)?;
            length += (HEADER + bytes.len()) as u64;
        }
        writer.flush()?;
        self.length = length;
        Ok(())
    }
}

fn checksum(inputs: [u8; 32], index: usize, batch: &Batch, numbers: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&inputs);
    for number in [index, batch.batch, batch.seq, batch.rows.len()].iter().chain(&batch.rows) {
        hasher.update(&(*number as u64).to_le_bytes());
    }
    *hasher.update(numbers).finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_records_come_back_and_the_rest_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("000000.parquet");
        let batches: Vec<Batch> = (0..5).map(|at| Batch { rows: vec![2 * at, 2 * at + 1], batch: 2, seq: 9 }).collect();
        let numbers_of = |index: usize, into: &mut Vec<f32>| into.extend([index as f32, 0.5, -1.0, index as f32 * 0.1]);
        let read = |part: &Path| {
            let mut found = Vec::new();
            let journal = Journal::open(
                part,
                [7; 32],
                &batches,
                |_| 4,
                |index, numbers| {
                    let mut expected = Vec::new();
                    numbers_of(index, &mut expected);
                    assert_eq!(numbers, expected);
                    found.push(index);
                },
            );
            (journal.unwrap(), found)
        };
        let (mut journal, found) = read(&part);
        assert!(found.is_empty());
        journal.unsaved = vec![3, 0, 1];
        journal.save(&batches, numbers_of).unwrap();
        let path = Journal::path_of(&part);
        let whole = std::fs::read(&path).unwrap();
        let record = whole.len() / 3;
        assert_eq!(read(&part).1, [3, 0, 1]);
        // Killed in the middle of a record, wherever; and one with a wrong bit.
        for keep in [record - 1, record, record + 1, 2 * record + 50] {
            std::fs::write(&path, &whole[..keep]).unwrap();
            let (mut journal, found) = read(&part);
            assert_eq!(found, [3, 0, 1][..keep / record], "{keep} bytes");
            journal.unsaved = vec![4];
            journal.save(&batches, numbers_of).unwrap();
            assert_eq!(read(&part).1.last(), Some(&4), "{keep} bytes");
        }
        for bit in (0..8 * record).step_by(11) {
            let mut flipped = whole.clone();
            flipped[record + bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            assert_eq!(read(&part).1, [3], "bit {bit} of the second record");
        }
        // Other rows in a batch of that number.
        std::fs::write(&path, &whole).unwrap();
        let others: Vec<Batch> = batches.iter().map(|batch| Batch { rows: vec![7, 8], ..batch.clone() }).collect();
        Journal::open(&part, [7; 32], &others, |_| 4, |index, _| panic!("batch {index} is another")).unwrap();
        // Other inputs in the same rows.
        Journal::open(&part, [8; 32], &batches, |_| 4, |index, _| panic!("batch {index} has other inputs")).unwrap();
    }
}
